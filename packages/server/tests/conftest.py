"""A real server on a free port, and a client for it."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from inferry_server import ModelServer, ModelSpec, ServerSettings

sys.path.insert(0, str(Path(__file__).parent))


def spec_of(target, name="m", **more):
    return ModelSpec(
        name=name, target=f"served_models:{target}", path=Path("/nowhere"), **more
    )


@asynccontextmanager
async def running(*specs, on_state=None, **settings):
    """Serve *specs*; gives the server and a client."""
    settings.setdefault("http_port", 0)
    server = ModelServer(ServerSettings(**settings), on_state=on_state)
    port = await server.start()
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=20, trust_env=False
    ) as client:
        try:
            for spec in specs:
                await server.load(spec)
            yield server, client
        finally:
            await client.aclose()
            await server.stop()


@pytest.fixture
def serve():
    return running


@pytest.fixture
def spec():
    return spec_of
