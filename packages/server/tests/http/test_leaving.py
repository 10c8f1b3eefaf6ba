"""Clients that leave: no call of theirs stays in flight, whenever they went."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from serving import Serve, SpecOf

BODY = b'{"instances": [1]}'
HEAD = b"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\n"
PLAIN = HEAD + b"content-length: %d\r\n\r\n" % len(BODY)
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        PLAIN + BODY,
        PLAIN + BODY[:5],
        PLAIN,
        CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
        CHUNKED + b"%x\r\n%b" % (len(BODY), BODY[:5]),
    ],
    ids=["lane 0", "lane 0 body", "lane 0 head", "lane 1", "lane 1 body"],
)
@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_who_leaves_is_in_flight_no_more(
    serve: Serve, spec: SpecOf, sent: bytes, pause: float
) -> None:
    what = spec("SlowAsync", options={"seconds": 30})
    async with serve(what) as (server, client):
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", server.ports.http)
            writer.write(sent)
            await writer.drain()
            await asyncio.sleep(pause)
            writer.transport.abort()
        await asyncio.sleep(0.2)  # the last one may not have been read yet
        for _ in range(300):
            if server.statistics.in_flight["v1"]:
                await asyncio.sleep(0.01)
        assert server.statistics.in_flight["v1"] == 0
        assert server.models.get("m").execution.running == 0
        text = (await client.get("/metrics")).text
        assert 'inferry_requests_in_flight{protocol="v1"} 0.0' in text
