"""The recipes of the images, as far as they can be checked without building them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = sorted(ROOT.glob("packages/**/Containerfile"))
_INSTALLED = re.compile(r"\./(packages/[\w/]+)(?:\[([\w,-]+)\])?")


def name_of(path: Path) -> str:
    return "-".join(path.parent.relative_to(ROOT / "packages").parts)


@pytest.fixture(params=RECIPES, ids=name_of)
def recipe(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text("utf-8")


def test_each_image_that_a_cluster_runs_has_a_recipe() -> None:
    """The controller brings its runtimes, those of its extra, and what fetches."""
    text = (ROOT / "packages/controller/pyproject.toml").read_text("utf-8")
    brought = tomllib.loads(text)["project"]["optional-dependencies"]["runtimes"]
    names = {re.split(r"[<>=\[]", each)[0].removeprefix("inferry-") for each in brought}
    wanted = {"controller", *(each.replace("runtime-", "runtimes-") for each in names)}
    assert {name_of(path) for path in RECIPES} == wanted


def test_what_is_installed_is_copied_and_has_its_extras(recipe: str) -> None:
    copied = re.findall(r"^COPY (packages\S*) ", recipe, re.MULTILINE)
    installed = _INSTALLED.findall(recipe)
    assert installed
    for folder, extras in installed:
        assert any(folder == each or folder.startswith(f"{each}/") for each in copied)
        text = (ROOT / folder / "pyproject.toml").read_text("utf-8")
        known = tomllib.loads(text)["project"].get("optional-dependencies", {})
        assert set(filter(None, extras.split(","))) <= known.keys()


def test_a_cluster_can_tell_that_it_is_not_root(recipe: str) -> None:
    assert re.search(r"^USER 1000:1000$", recipe, re.MULTILINE)


def test_it_starts_what_a_pod_gives_arguments_to(recipe: str) -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", recipe, re.MULTILINE)
    assert json.loads(entry) in (
        ["inferry"],
        ["python", "-m", "inferry_server"],
        ["python", "-m", "inferry_storage"],
    )
