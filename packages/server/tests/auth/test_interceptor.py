"""gRPC behind a key, as grpc's own client sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from inferry_server import ModelServer, ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIVE = "/inference.GRPCInferenceService/ServerLive"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
HEALTH = "/grpc.health.v1.Health/Check"


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    path = tmp_path / "keys"
    path.write_text("letmein\n")
    path.chmod(0o600)
    server = ModelServer(ServerSettings(http_port=0, grpc_port=0, api_keys=str(path)))
    await server.start()
    try:
        address = f"127.0.0.1:{server.ports.grpc}"
        async with grpc.aio.insecure_channel(address) as opened:
            yield opened
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ((), grpc.StatusCode.UNAUTHENTICATED),
        ((("x-api-key", "nope"),), grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", "Bearer nope"),), grpc.StatusCode.UNAUTHENTICATED),
        ((("x-api-key", "letmein"),), grpc.StatusCode.OK),
        ((("authorization", "Bearer letmein"),), grpc.StatusCode.OK),
    ],
)
async def test_a_call_needs_the_key(
    metadata: tuple[tuple[str, str], ...],
    code: grpc.StatusCode,
    channel: grpc.aio.Channel,
) -> None:
    call = channel.unary_unary(LIVE)(b"", metadata=metadata, timeout=5)
    assert await call.code() == code


async def test_a_stream_needs_the_key(channel: grpc.aio.Channel) -> None:
    call = channel.stream_stream(STREAM)(timeout=5)
    assert await call.code() == grpc.StatusCode.UNAUTHENTICATED
    assert "this server wants an API key" in await call.details()


async def test_health_is_open(channel: grpc.aio.Channel) -> None:
    call = channel.unary_unary(HEALTH)(b"", timeout=5)
    assert await call.code() == grpc.StatusCode.OK
