"""What revisions were, as far as somebody may have edited it."""

from __future__ import annotations

from typing import Any

import pytest
from inferry_controller.names import REVISION_LABEL, SPEC_ANNOTATION
from inferry_controller.reconciling.history import Specs
from inferry_controller.reconciling.stored import stored

SERVICE = stored(
    {
        "metadata": {"name": "iris", "namespace": "team", "uid": "u"},
        "spec": {"predictor": {}},
    }
)
SPEC = '{"predictor":{"model":{}}}'


class Holding:
    """A client of a server that holds one object of any kind and name."""

    def __init__(self, obj: dict[str, Any]) -> None:
        self.obj = obj

    async def find(self, kind: Any, namespace: str, name: str) -> dict[str, Any]:
        del kind, namespace, name
        return self.obj


def deployment(spec: str) -> dict[str, Any]:
    labels, annotations = {REVISION_LABEL: "r1"}, {SPEC_ANNOTATION: spec}
    return {"metadata": {"labels": labels, "annotations": annotations}}


def kept(spec: object, uid: str = "u") -> dict[str, Any]:
    return {"metadata": {"ownerReferences": [{"uid": uid}]}, "data": {"spec": spec}}


async def found(obj: dict[str, Any], slot: str | None) -> str | None:
    return await Specs(Holding(obj)).find(SERVICE, "r1", slot)  # type: ignore[arg-type]


async def test_a_spec_is_found_where_it_was_kept() -> None:
    assert await found(deployment(SPEC), "") == SPEC
    assert await found(kept(SPEC), None) == SPEC


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"predictor": 1}', "null"])
async def test_what_somebody_wrote_over_a_spec_is_not_taken_for_one(text: str) -> None:
    assert await found(deployment(text), "") is None
    assert await found(kept(text), None) is None


async def test_a_revision_of_another_service_of_the_name_is_not_taken() -> None:
    assert await found(kept(SPEC, uid="another"), None) is None
    assert await found(kept(1), None) is None


class Keeping:
    """A client of a server that has one Deployment, and keeps what is created."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {"Deployment": deployment(SPEC)}

    async def find(self, kind: Any, *_: str) -> dict[str, Any] | None:
        return self.there.get(kind.kind)

    async def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        return self.there.setdefault(obj["kind"], obj)


async def test_what_only_this_process_knows_is_kept_for_the_next() -> None:
    """The Deployment that had the spec is gone before another took its place."""
    client = Keeping()
    specs = Specs(client)  # type: ignore[arg-type] - all that is called is there
    assert not await specs.is_kept(SERVICE, "r1")
    assert await specs.find(SERVICE, "r1", "") == SPEC
    del client.there["Deployment"]

    assert await specs.is_kept(SERVICE, "r1")
    after = Specs(client)  # type: ignore[arg-type] - all that is called is there
    assert await after.is_kept(SERVICE, "r1")
    assert await after.find(SERVICE, "r1", None) == SPEC
