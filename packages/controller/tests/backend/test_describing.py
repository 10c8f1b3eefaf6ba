"""What ``describe`` tells of a service beside its status."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("orjson", reason="the extra run is not installed")

from inferry_controller.backend._describing import describe


class Server:
    """Has one service without pods, and its events."""

    async def find(self, *_: object) -> dict[str, Any]:
        metadata = {"name": "iris", "namespace": "team", "generation": 1}
        return {"metadata": metadata, "spec": {}, "status": {}}

    async def list(self, *_: object, **__: object) -> list[dict[str, Any]]:
        return []

    async def events(self, _namespace: str) -> list[dict[str, Any]]:
        about = {"kind": "InferenceService", "name": "iris"}
        times = ("2026-01-01T00:00:04.340891Z", "2026-01-01T00:00:04Z")
        return [
            {"regarding": about, "reason": f"At{len(at)}", "note": "x", "eventTime": at}
            for at in times
        ]


async def test_events_stand_in_the_order_of_time_to_the_second() -> None:
    server: Any = Server()

    status = await describe(server, "team", "iris")

    assert status.events == (
        "2026-01-01T00:00:04Z InferenceService iris: At20: x",
        "2026-01-01T00:00:04Z InferenceService iris: At27: x",
    )
