"""The clock of an election, against a server that holds one Lease.

What a real API server does with it is tested in integration-tests/kubernetes.
"""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from inferry_controller.kube.election import Election, NotLeading
from inferry_controller.kube.errors import Conflict, NotFound, Unavailable


class Server:
    """One Lease with a resourceVersion, and what goes wrong with the next calls."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.writes = 0
        self.broken = False
        self.silent = False
        self.lost_answers = 0

    async def get(self, *_: Any, within: float) -> dict[str, Any]:
        await self._answer(within)
        if self.lease is None:
            raise NotFound("no lease", status=404)
        return copy.deepcopy(self.lease)

    async def create(self, lease: dict[str, Any], *, within: float) -> dict[str, Any]:
        await self._answer(within)
        if self.lease is not None:
            raise Conflict("taken", status=409, reason="AlreadyExists")
        return await self._store(lease)

    async def replace(self, lease: dict[str, Any], *, within: float) -> dict[str, Any]:
        await self._answer(within)
        if self.lease is None:
            raise NotFound("no lease", status=404)
        if lease["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict("changed", status=409)
        return await self._store(lease)

    async def _answer(self, within: float) -> None:
        if self.silent:
            await asyncio.sleep(within)
            raise Unavailable("no answer in time", reason="Timeout")
        if self.broken:
            raise Unavailable("broken", status=500)

    async def _store(self, lease: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.writes += 1
        self.lease = copy.deepcopy(lease)
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unavailable("the connection broke", reason="Disconnected")
        return copy.deepcopy(self.lease)

    @property
    def holder(self) -> str:
        assert self.lease is not None
        return str(self.lease["spec"]["holderIdentity"])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def candidate(server: Server, name: str, clock: Any = None, **times: float) -> Election:
    options: dict[str, Any] = {"duration": 0.45, "deadline": 0.3, "retry": 0.05}
    if clock is not None:
        options = {"clock": clock}
    return Election(server, "inferry", "lock", name, **{**options, **times})  # type: ignore[arg-type]


async def test_the_first_candidate_gets_the_lease() -> None:
    server, clock = Server(), Clock()
    one, two = candidate(server, "one", clock), candidate(server, "two", clock)
    assert await one._try()
    assert not await two._try()
    assert (one.leading, two.leading) == (True, False)
    assert two.holder == "one"
    one.check()
    with pytest.raises(NotLeading):
        two.check()


async def test_a_lease_is_taken_over_when_it_did_not_change_for_its_duration() -> None:
    server, clock = Server(), Clock()
    one, two = candidate(server, "one", clock), candidate(server, "two", clock)
    await one._try()
    await two._try()
    clock.now += 14.9
    assert not await two._try()
    clock.now += 0.2
    assert await two._try()
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 1
    assert not one.leading


async def test_a_leader_stops_before_anybody_may_take_over() -> None:
    server, clock = Server(), Clock()
    one = candidate(server, "one", clock)
    await one._try()
    clock.now += 9.9
    assert one.leading
    clock.now += 0.2
    assert not one.leading


async def test_a_renewal_counts_from_when_it_was_sent() -> None:
    server, clock = Server(), Clock()
    one = candidate(server, "one", clock)
    store = server._store

    async def slowly(lease: dict[str, Any]) -> dict[str, Any]:
        clock.now += 4.0
        return await store(lease)

    server._store = slowly  # type: ignore[method-assign]
    assert await one._try()
    clock.now += 5.9
    assert one.leading
    clock.now += 0.2
    assert not one.leading


async def test_clocks_of_others_do_not_matter() -> None:
    server, clock = Server(), Clock()
    one, two = candidate(server, "one", clock), candidate(server, "two", clock)
    await one._try()
    assert server.lease is not None
    server.lease["spec"]["renewTime"] = "1999-01-01T00:00:00.000000Z"
    assert not await two._try()
    clock.now += 10
    await one._try()
    clock.now += 10
    assert not await two._try()


async def test_renewing_costs_one_call_and_changes_nobody() -> None:
    server, clock = Server(), Clock()
    one = candidate(server, "one", clock)
    await one._try()
    acquired = server.lease["spec"]["acquireTime"] if server.lease else ""
    for _ in range(3):
        clock.now += 2
        assert await one._try()
    assert server.writes == 4
    assert server.lease is not None
    assert server.lease["spec"]["leaseTransitions"] == 0
    assert server.lease["spec"]["acquireTime"] == acquired


async def test_a_write_whose_answer_was_lost_is_ours() -> None:
    server, clock = Server(), Clock()
    one = candidate(server, "one", clock)
    server.lost_answers = 1
    with pytest.raises(Unavailable):
        await one._try()
    assert not one.leading
    assert await one._try()
    server.lost_answers = 1
    with pytest.raises(Unavailable):
        await one._try()
    assert await one._try(), "the conflict is with ourselves"
    assert await one._try()


async def test_a_lease_that_was_deleted_is_made_anew() -> None:
    server, clock = Server(), Clock()
    one = candidate(server, "one", clock)
    await one._try()
    server.lease = None
    assert await one._try()
    assert await one._try()
    assert server.holder == "one"


async def test_keep_ends_at_the_deadline_when_the_server_is_broken() -> None:
    server = Server()
    one = candidate(server, "one")
    await one.acquire()
    server.broken = True
    begun = asyncio.get_running_loop().time()
    with pytest.raises(NotLeading, match="not renewed"):
        await asyncio.wait_for(one.keep(), 2)
    assert asyncio.get_running_loop().time() - begun < 0.45


async def test_a_call_that_hangs_does_not_outlive_the_deadline() -> None:
    server = Server()
    one = candidate(server, "one")
    await one.acquire()
    server.silent = True
    begun = asyncio.get_running_loop().time()
    with pytest.raises(NotLeading):
        await asyncio.wait_for(one.keep(), 2)
    assert asyncio.get_running_loop().time() - begun < 0.45


async def test_keep_ends_at_once_when_another_took_over() -> None:
    server = Server()
    one = candidate(server, "one")
    await one.acquire()
    keeping = asyncio.create_task(one.keep())
    assert server.lease is not None
    server.version += 1
    server.lease["metadata"]["resourceVersion"] = str(server.version)
    server.lease["spec"]["holderIdentity"] = "two"
    with pytest.raises(NotLeading, match="two holds the lease"):
        await asyncio.wait_for(keeping, 1)
    assert not one.leading


async def test_a_lease_that_was_given_back_is_taken_at_once() -> None:
    server, clock = Server(), Clock()
    one, two = candidate(server, "one", clock), candidate(server, "two", clock)
    await one._try()
    await two._try()
    await one.release()
    assert not one.leading
    assert server.holder == ""
    assert await two._try()


async def test_what_is_not_held_is_not_given_back() -> None:
    server, clock = Server(), Clock()
    one, two = candidate(server, "one", clock), candidate(server, "two", clock)
    await one._try()
    await two._try()
    await two.release()
    assert server.holder == "one"


async def test_of_many_candidates_one_leads() -> None:
    server = Server()
    candidates = [candidate(server, str(n)) for n in range(5)]
    tasks = [asyncio.create_task(each.acquire()) for each in candidates]
    done, waiting = await asyncio.wait(tasks, timeout=0.2)
    assert len(done) == 1
    assert sum(each.leading for each in candidates) == 1
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def test_times_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="retry < deadline < duration"):
        candidate(Server(), "one", duration=5, deadline=10)
