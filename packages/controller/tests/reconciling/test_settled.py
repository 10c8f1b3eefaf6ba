"""What a restarted controller need not look at again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.observing.facts import (
    DeploymentFact,
    Fact,
    GatewayFact,
    Observed,
)
from inferry_controller.reconciling.records import Child, Record, short
from inferry_controller.reconciling.settled import answering, is_settled, seen
from inferry_controller.reconciling.stored import stored

if TYPE_CHECKING:
    from inferry_controller.reconciling.children import ChildKey

SERVICE = stored(
    {
        "metadata": {"name": "iris", "namespace": "team", "uid": "u1", "generation": 3},
        "spec": {},
    }
)
STATUS = {
    "observedGeneration": 3,
    "conditions": [{"type": "Ready", "status": "True"}],
}


def deployment(**changed: Any) -> DeploymentFact:
    """Return the Deployment as it serves."""
    values = {
        "kind": "Deployment",
        "namespace": "team",
        "name": "iris-predictor",
        "uid": "d1",
        "version": "7",
        "service": "iris",
        "owner": "u1",
        "live": b"as it was left",
        "wanted": 1,
        "replicas": 1,
        "updated": 1,
        "available": 1,
    }
    return DeploymentFact(**(values | changed))


def gateway(status: str) -> GatewayFact:
    """Return the Gateway, programmed or not."""
    return GatewayFact(
        kind="Gateway",
        namespace="kserve",
        name="gateway",
        uid="g1",
        version="1",
        service="",
        owner="",
        live=b"",
        conditions=(Observed(type="Programmed", status=status, reason="", message=""),),
    )


def known(*facts: Fact) -> dict[ChildKey, Fact]:
    """Return *facts* as they are looked up."""
    return {(each.kind, each.name): each for each in facts}


def record(facts: dict[ChildKey, Fact]) -> Record:
    """Return what a pass left that saw *facts*."""
    children = {"Deployment/iris-predictor": Child("a", short(b"as it was left"))}
    return Record(
        inputs="i",
        seen=seen(facts),
        ready=answering(facts),
        plain=True,
        children=children,
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((deployment(), gateway("True")), True),
        ((deployment(version="9"), gateway("True")), True),
        ((deployment(generation=5, observed_generation=5), gateway("True")), True),
        ((deployment(live=b"edited"), gateway("True")), False),
        ((deployment(available=0), gateway("True")), False),
        ((deployment(), gateway("False")), False),
    ],
    ids=["same", "told-again", "still-serves", "edited", "fails", "gateway-fails"],
)
def test_nothing_is_left_to_do_while_all_serves(
    now: tuple[Fact, ...], *, expected: bool
) -> None:
    """What changed while nobody looked is looked at, a Gateway that fails as well."""
    before = record(known(deployment(), gateway("True")))

    assert is_settled(SERVICE, before, STATUS, known(*now), "i") is expected
