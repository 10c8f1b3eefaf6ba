"""Which status a watch tells is our own, however its answer and the watch race."""

from __future__ import annotations

from typing import Any

import pytest
from inferry_controller.kube.errors import Unavailable
from inferry_controller.reconciling.reporting import Reporter
from inferry_controller.reconciling.stored import StoredService, stored

STATUS = {"phase": "Ready", "conditions": [{"type": "Ready", "status": "True"}]}


def service(version: int, status: dict[str, Any] | None = None) -> StoredService:
    """Return a service as a watch tells it."""
    metadata = {
        "name": "iris",
        "namespace": "team",
        "uid": "u1",
        "resourceVersion": str(version),
    }
    return stored({"metadata": metadata, "spec": {}, "status": status})


class Client:
    """Answers a write as *behave* says, after the watch has told of it."""

    def __init__(self, *, lost: bool = False) -> None:
        self.lost = lost
        self.told: list[StoredService] = []
        self.reporter: Reporter | None = None
        self.mine: list[bool] = []

    async def apply(self, body: dict[str, Any], **_: object) -> dict[str, Any]:
        """Store, tell, and only then answer."""
        assert self.reporter is not None
        turned = dict(reversed(body["status"].items()))
        self.mine.append(self.reporter.is_mine(service(2, turned)))
        if self.lost:
            raise Unavailable("the answer is lost")
        return {"metadata": {"resourceVersion": "2"}, "status": turned}


def reporter(client: Client) -> Reporter:
    """Return what writes by *client*."""
    made = Reporter(client)  # type: ignore[arg-type] - all that it calls is there
    client.reporter = made
    return made


async def test_a_status_that_is_told_before_it_is_answered_is_ours() -> None:
    """A watch may be faster than the answer to the write."""
    client = Client()

    await reporter(client).report(service(1), STATUS, {})

    assert client.mine == [True]


async def test_a_status_whose_answer_is_lost_is_ours() -> None:
    """It was written all the same."""
    client = Client(lost=True)
    made = reporter(client)

    with pytest.raises(Unavailable):
        await made.report(service(1), STATUS, {})

    assert made.is_mine(service(2, STATUS))


async def test_a_status_that_somebody_else_wrote_is_not_ours() -> None:
    """It is put right."""
    made = reporter(Client())
    await made.report(service(1), STATUS, {})

    assert not made.is_mine(service(3, {**STATUS, "phase": "Failed"}))


async def test_a_status_is_held_once_the_watch_has_it_no_more() -> None:
    """Of thousands of services each status lies in memory once."""
    client = Client()
    made = reporter(client)
    await made.report(service(1), STATUS, {})
    turned = dict(reversed(STATUS.items()))

    assert made.told(service(1)) == service(2, turned).status
    assert made.is_mine(service(2, turned))
    assert not made._last
