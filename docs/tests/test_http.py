"""The page of the HTTP interface names what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from inferry_server.cli import declared
from inferry_server.http.routes import Kind, match
from inferry_server.settings import ServerSettings

PAGE = (Path(__file__).parents[1] / "reference" / "http.md").read_text()
ROUTES = re.findall(r"^\| `(GET|POST) (/\S*)` \|", PAGE, re.MULTILINE)
LIMITS = PAGE.partition("## Limits")[2].partition("##")[0]


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_route_on_the_page_is_one(method: str, path: str) -> None:
    route = match(filled(path))
    assert route is not None
    assert method in route.methods


def test_each_route_is_on_the_page() -> None:
    found = {route.kind for _, path in ROUTES if (route := match(filled(path)))}
    assert found | {"docs"} == set(get_args(Kind))
    assert "/openapi.json" in PAGE


def test_each_limit_is_a_setting() -> None:
    fields = {field.name for field in msgspec.structs.fields(ServerSettings)}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", LIMITS))
    assert named
    assert named <= fields


def test_each_flag_is_one_of_the_server() -> None:
    options = (*declared.WHICH, *declared.SERVER, *declared.MODEL)
    flags = {re.sub(r"([A-Z])", r"_\1", option.name).lower() for option in options}
    named = set(re.findall(r"`--([a-z_]+)", PAGE))
    assert named
    assert named <= flags
