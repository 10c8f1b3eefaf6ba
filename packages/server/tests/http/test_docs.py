"""The OpenAPI document against the routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import pytest

from inferry_server.http.openapi import ROUTES, STATUSES, Described, make_openapi
from inferry_server.http.routes import Kind, match
from inferry_server.http.schemas import SCHEMAS

if TYPE_CHECKING:
    from serving import Serve, SpecOf

#: Routes that show the document cannot be in it.
SHOWN = {"docs"}


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route[:2])
def test_each_documented_route_is_one(route: Described) -> None:
    found = match(filled(route.path))
    assert found is not None
    assert route.method in found.methods


def test_each_route_is_documented() -> None:
    matched = {match(filled(route.path)) for route in ROUTES}
    kinds = {route.kind for route in matched if route is not None}
    assert kinds == set(get_args(Kind)) - SHOWN
    both = {(route.path, route.method) for route in ROUTES}
    assert len(both) == len(ROUTES)
    for route in ROUTES:
        found = match(filled(route.path))
        assert found is not None
        for method in found.methods:
            assert method == "HEAD" or (route.path, method) in both


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
        return own.union(*map(references, part.values()))
    if isinstance(part, list):
        return set().union(*map(references, part))
    return set()


def test_each_schema_is_there_and_used() -> None:
    document = make_openapi("1")
    assert references(document) == set(SCHEMAS)
    assert {status for route in ROUTES for status in route.statuses} <= set(STATUSES)


async def test_the_document_and_its_page_are_served(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        document = (await client.get("/openapi.json")).json()
        assert document["paths"].keys() == {route.path for route in ROUTES}
        assert (await client.get("/docs")).status_code == 200
        refused = await client.post("/docs")
        assert (refused.status_code, list(refused.json())) == (405, ["error"])
