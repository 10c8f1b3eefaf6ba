"""What is asked of a service is bounded, and its bytes are those that were wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from fakes.site import Answer, Asked, Site, ranged
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import (
    Access,
    Corrupt,
    NotAllowed,
    TooLarge,
    Truncated,
    Unauthenticated,
    Unreachable,
)
from inferry_storage.backends.calls import Calls, Slice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DATA = bytes(range(256)) * 8


@pytest.fixture
def site() -> Iterator[Site]:
    class Serving(Site):
        def respond(self, asked: Asked) -> Answer:
            return ranged(asked, DATA)

    server = Serving()
    yield server
    server.stop()


@pytest.fixture
async def calls(site: Site) -> AsyncIterator[Calls]:
    found = Calls(Access(settings={"endpoints": [site.url], "stall_seconds": 0.5}))
    yield found
    await found.close()


async def get(calls: Calls, site: Site, **headers: str) -> httpx.Response:
    async with calls.ask(
        "GET", f"{site.url}/a", shown="x://a", private=headers
    ) as response:
        await response.aread()
        return response


async def test_what_is_private_stays_with_its_origin(site: Site, calls: Calls) -> None:
    other = Site()
    calls.guard.endpoints = type(calls.guard.endpoints).of([site.url, other.url], {})
    site.faults = [
        lambda _: Answer(302, b"", {"Location": "/b"}),
        lambda _: Answer(302, b"", {"Location": f"{other.url}/c", "Set-Cookie": "a=b"}),
    ]

    response = await get(calls, site, Token="canary")

    other.stop()
    assert response.status_code == 404
    assert [asked.headers.get("token") for asked in site.asked] == ["canary"] * 2
    assert "token" not in other.asked[0].headers
    assert "cookie" not in other.asked[0].headers


@pytest.mark.parametrize("value", ["a\ncanary", "a\rcanary", "canary\0", "cänary"])
async def test_a_secret_that_cannot_be_sent_is_not_shown(
    site: Site, calls: Calls, value: str
) -> None:
    with pytest.raises(Unauthenticated, match="line break") as caught:
        await get(calls, site, Authorization=value)

    assert "nary" not in str(caught.value)
    with (
        pytest.raises(Unauthenticated),
        calls.stream(site.url, shown="x://a", private={"Authorization": value}),
    ):
        pass


async def test_redirects_end(site: Site, calls: Calls) -> None:
    site.faults = [lambda _: Answer(302, b"", {"Location": "/a"})] * 9

    with pytest.raises(NotAllowed, match="redirects more than 5 times"):
        await get(calls, site)

    assert len(site.asked) == 6


async def test_a_redirect_to_where_services_may_not_go_is_refused(
    site: Site, calls: Calls
) -> None:
    for place in ("http://169.254.169.254/", "https://[fd00:ec2::254]/"):
        answer = Answer(302, b"", {"Location": place})
        site.faults = [lambda _, said=answer: said]
        with pytest.raises(NotAllowed):
            await get(calls, site)
        site.faults = [lambda _, said=answer: said]
        with (
            pytest.raises(NotAllowed),
            calls.stream(f"{site.url}/a", shown="x://a"),
        ):
            pass


async def test_an_answer_is_bounded_typed_and_plain(site: Site, calls: Calls) -> None:
    async def decoded(answer: Answer, limit: int = 100) -> list[int]:
        site.faults = [lambda _: answer]
        async with calls.ask("GET", site.url, shown="x://a") as response:
            await calls.body(response, shown="x://a", limit=limit)
        site.faults = [lambda _: answer]
        async with calls.ask("GET", site.url, shown="x://a") as response:
            return await calls.decoded(response, list[int], shown="x://a")

    assert await decoded(Answer(200, b"[1, 2]")) == [1, 2]
    with pytest.raises(TooLarge):
        await decoded(Answer(200, b"[1, 2]"), limit=5)
    with pytest.raises(Corrupt, match="not what its service says"):
        await decoded(Answer(200, b'["a"]'))
    with pytest.raises(Corrupt, match="compressed"):
        await decoded(Answer(200, b"[]", {"Content-Encoding": "gzip"}))
    with pytest.raises(Unreachable):
        await decoded(Answer(200, b"[1, 2]", cut=3))


async def test_a_server_that_is_not_there_is_unreachable(calls: Calls) -> None:
    gone = Site()
    calls.guard.endpoints = type(calls.guard.endpoints).of([gone.url], {})
    gone.stop()

    with pytest.raises(Unreachable, match="x://a"):
        await get(calls, gone)
    with pytest.raises(Unreachable), calls.stream(gone.url, shown="x://a"):
        pass


def response(status: int, body: list[bytes], **headers: str) -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in body:
            yield chunk

    return httpx.Response(status, headers=headers, content=chunks())


@given(st.data())
async def test_a_slice_is_the_same_from_a_part_and_from_the_whole(
    data: st.DataObject,
) -> None:
    start = data.draw(st.integers(0, len(DATA) - 1))
    length = data.draw(st.none() | st.integers(1, len(DATA) - start))
    step = data.draw(st.integers(1, len(DATA)))
    end = len(DATA) if length is None else start + length

    for status, body in ((200, DATA), (206, DATA[start:end])):
        parts = [body[at : at + step] for at in range(0, len(body), step)]
        wanted = Slice("x://a", start, length)
        found = [part async for part in wanted.of(response(status, parts))]
        assert b"".join(found) == DATA[start:end]


async def test_a_slice_that_is_not_all_there_is_truncated() -> None:
    for status, body, headers in (
        (206, [b"ab"], {}),
        (200, [DATA[:12]], {}),
        (206, [DATA[10:30]], {"Content-Range": "bytes 0-19/99"}),
    ):
        with pytest.raises(Truncated):
            async for _ in Slice("x://a", 10, 20).of(response(status, body, **headers)):
                pass
