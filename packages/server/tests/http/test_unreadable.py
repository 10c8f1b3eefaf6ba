"""Clients of other protocols at the port of HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from serving import Serve, SpecOf

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.mark.parametrize("fast_lane", [True, False], ids=["lane 0", "lane 1"])
@pytest.mark.parametrize(
    ("start", "text"),
    [
        (PREFACE, "this port speaks HTTP/1.1; gRPC is on the port of --grpc_port"),
        (HELLO, "this port speaks HTTP without TLS, which ends at a proxy before it"),
        (b"nonsense\r\n\r\n", "the request is no HTTP/1.1"),
    ],
    ids=["gRPC", "TLS", "nonsense"],
)
async def test_another_protocol_is_told_and_logged_once(
    serve: Serve,
    spec: SpecOf,
    caplog: pytest.LogCaptureFixture,
    *,
    fast_lane: bool,
    start: bytes,
    text: str,
) -> None:
    async with serve(spec("Iris"), fast_lane=fast_lane) as (_, client):
        for _ in range(3):
            reader, writer = await asyncio.open_connection(
                client.base_url.host, client.base_url.port
            )
            writer.write(start)
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            assert head.startswith(b"HTTP/1.1 400 ")
            assert json.loads(body) == {"error": text}
    told = [line for line in caplog.messages if "another protocol" in line]
    assert len(told) == (0 if start == b"nonsense\r\n\r\n" else 1)
