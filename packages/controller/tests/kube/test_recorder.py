from __future__ import annotations

from typing import Any

import pytest
from inferry_controller.kube.errors import NotFound, Unavailable
from inferry_controller.kube.recorder import BURST, REFILL, Recorder, reference

SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"namespace": "models", "name": "iris", "uid": "u-1"},
    "spec": {},
}


class Server:
    """Takes events; `error` is what it answers with instead."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.patched: list[tuple[str, dict[str, Any]]] = []
        self.error: Exception | None = None

    async def create(self, event: dict[str, Any], **_: Any) -> None:
        if self.error:
            raise self.error
        self.created.append(event)

    async def patch(self, _: Any, __: str, name: str, change: dict[str, Any]) -> None:
        if self.error:
            raise self.error
        self.patched.append((name, change))


class Bench:
    def __init__(self) -> None:
        self.server = Server()
        self.now = 0.0
        self.dropped = 0
        self.recorder = Recorder(
            self.server,  # type: ignore[arg-type]
            component="inferry.dev/controller",
            instance="pod-1",
            clock=lambda: self.now,
            dropped=self.drop,
        )

    def drop(self) -> None:
        self.dropped += 1


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_event_says_what_happened_to_what(bench: Bench) -> None:
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    await bench.recorder.flush()
    (event,) = bench.server.created
    assert event["metadata"]["namespace"] == "models"
    assert event["metadata"]["name"].startswith("iris.")
    assert event["regarding"] == {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "namespace": "models",
        "name": "iris",
        "uid": "u-1",
    }
    assert (event["type"], event["reason"], event["note"]) == (
        "Normal",
        "Ready",
        "It serves.",
    )
    assert event["reportingController"] == "inferry.dev/controller"


async def test_repetitions_become_one_series(bench: Bench) -> None:
    for _ in range(100):
        bench.recorder.record(SERVICE, "OOMKilled", "Too little memory.", warning=True)
        bench.now += 1
        await bench.recorder.flush()
    assert len(bench.server.created) == 1
    assert len(bench.server.patched) <= 4
    await bench.recorder.flush(everything=True)
    name, change = bench.server.patched[-1]
    assert name == bench.server.created[0]["metadata"]["name"]
    assert change["series"]["count"] == 100


async def test_a_series_that_rested_is_a_new_event(bench: Bench) -> None:
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    await bench.recorder.flush()
    bench.now += 400
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    await bench.recorder.flush()
    assert len(bench.server.created) == 2


async def test_one_object_cannot_flood(bench: Bench) -> None:
    for number in range(100):
        bench.recorder.record(SERVICE, "Ready", f"Note {number}.")
    other = {**SERVICE, "metadata": {**SERVICE["metadata"], "uid": "u-2"}}  # type: ignore[dict-item]
    bench.recorder.record(other, "Ready", "It serves.")
    await bench.recorder.flush()
    assert len(bench.server.created) == BURST + 1
    assert bench.dropped == 100 - BURST
    bench.now += REFILL
    bench.recorder.record(SERVICE, "Ready", "Later.")
    await bench.recorder.flush()
    assert bench.server.created[-1]["note"] == "Later."


@pytest.mark.parametrize(
    "error", [Unavailable("away", status=503), NotFound("no such namespace")]
)
async def test_an_event_that_cannot_be_written_hurts_nobody(
    bench: Bench, error: Exception
) -> None:
    bench.server.error = error
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    await bench.recorder.flush()
    assert bench.server.created == []


async def test_a_series_that_the_server_forgot_begins_anew(bench: Bench) -> None:
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    await bench.recorder.flush()
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    bench.server.error = NotFound("gone", status=404)
    await bench.recorder.flush(everything=True)
    bench.server.error = None
    bench.recorder.record(SERVICE, "Ready", "It serves.")
    await bench.recorder.flush()
    assert len(bench.server.created) == 2


async def test_names_and_notes_fit_what_the_api_takes(bench: Bench) -> None:
    long = {"kind": "Node", "name": "a" * 219 + "." + "b" * 30}
    bench.recorder.record(long, "Ready", "ü" * 2000)
    await bench.recorder.flush()
    (event,) = bench.server.created
    assert ".." not in event["metadata"]["name"]
    assert len(event["metadata"]["name"]) <= 253
    assert len(event["note"].encode()) <= 1024
    assert event["metadata"]["namespace"] == "default"


def test_a_reference_of_a_document_is_short() -> None:
    assert "spec" not in reference(SERVICE)
    assert reference({"kind": "Pod", "name": "a"}) == {"kind": "Pod", "name": "a"}
