"""The kinds of children have one name in all rooms."""

from __future__ import annotations

from typing import Any

import pytest
from inferry_controller.observing import project
from inferry_controller.observing.facts import DeploymentFact
from inferry_controller.reconciling.kinds import (
    CHILDREN,
    KNATIVE,
    OPTIONAL,
    ROUTES,
    SERVING,
    child_kind,
)


def obj(name: str) -> dict[str, Any]:
    kind = CHILDREN[name]
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": "x", "namespace": "team"},
    }


@pytest.mark.parametrize("name", CHILDREN)
def test_a_fact_calls_its_kind_as_who_applies_it_does(name: str) -> None:
    """Otherwise what was written is never found again."""
    assert child_kind(obj(name)) == name
    assert project(name, obj(name)).kind == name


def test_a_service_of_knative_is_looked_at_as_what_serves() -> None:
    assert isinstance(project(KNATIVE, obj(KNATIVE)), DeploymentFact)


def test_all_sets_are_of_kinds_that_there_are() -> None:
    assert set(CHILDREN) >= OPTIONAL | ROUTES | SERVING
