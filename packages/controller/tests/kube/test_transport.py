"""What of the transport needs no API server; the rest is in integration-tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from inferry_controller.kube import transport
from inferry_controller.kube.access import Access
from inferry_controller.kube.errors import Invalid, Unavailable
from inferry_controller.kube.transport import ATTEMPTS, Transport, pause_before

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_what_the_server_did_not_begin_may_always_be_repeated() -> None:
    for error in (
        Unavailable("busy", status=429),
        Unavailable("no connection", reason="NotConnected"),
    ):
        assert pause_before(1, error, repeatable=False) is not None


def test_what_may_have_been_done_is_repeated_only_where_that_is_safe() -> None:
    for error in (
        Unavailable("broken", status=500),
        Unavailable("reset", reason="Disconnected"),
        Unavailable("slow", reason="Timeout"),
    ):
        assert pause_before(1, error, repeatable=False) is None
        assert pause_before(1, error, repeatable=True) is not None


def test_attempts_come_to_an_end() -> None:
    error = Unavailable("busy", status=503)
    assert pause_before(ATTEMPTS - 1, error, repeatable=True) is not None
    assert pause_before(ATTEMPTS, error, repeatable=True) is None
    assert pause_before(1, error, repeatable=True, attempts=1) is None


def test_the_pause_is_what_the_server_asks_for() -> None:
    error = Unavailable("busy", status=429, retry_after=3.0)
    pause = pause_before(1, error, repeatable=True)
    assert pause == pytest.approx(3.3, abs=0.31)


@given(st.integers(1, ATTEMPTS - 1), st.none() | st.floats(0, 1e6))
def test_no_pause_is_longer_than_twelve_seconds(
    attempt: int, retry_after: float | None
) -> None:
    error = Unavailable("busy", status=503, retry_after=retry_after)
    pause = pause_before(attempt, error, repeatable=True)
    assert pause is not None
    assert 0 <= pause <= 12


async def chunks(request: web.Request) -> web.StreamResponse:
    """Answer with bytes that nobody counted, one chunk after the other."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(int(request.query["chunks"])):
        await answer.write(b"x" * 1000)
    return answer


@pytest.fixture
async def endless() -> AsyncIterator[Transport]:
    app = web.Application()
    app.router.add_get("/endless", chunks)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    access = Access(Anonymous(f"http://127.0.0.1:{runner.addresses[0][1]}"))
    sending = Transport(access)
    await sending.open()
    yield sending
    await sending.close()
    await runner.cleanup()


class Anonymous:
    """Knows an address and no credentials."""

    expires = False

    def __init__(self, url: str) -> None:
        self._url = url

    async def load(self, configuration: Any, *, anew: bool) -> None:
        del anew
        configuration.host = self._url


async def test_an_answer_that_does_not_say_how_long_it_is_is_bounded_too(
    endless: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LARGEST", 5000)
    body = await endless.call("GET", "/endless", what="", query={"chunks": "5"})
    assert len(body) == 5000
    with pytest.raises(Invalid, match="more than 5000 bytes"):
        await endless.call("GET", "/endless", what="", query={"chunks": "6"})


async def test_who_waited_for_a_slot_until_the_end_does_not_wait_for_ever(
    endless: Transport,
) -> None:
    """A total of 0 seconds or less means no end to the library."""
    call = endless.call(
        "GET", "/endless", what="cannot", query={"chunks": "1"}, timeout=-1.0
    )
    async with asyncio.timeout(5):
        assert await call
