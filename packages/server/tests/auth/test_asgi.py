"""A server that is closed, and one with middleware."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from inferry.errors import SettingsError
from inferry_server import ModelServer, ServerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Serve, SpecOf

KEY = {"X-API-Key": "letmein"}
BODY = {"instances": [[1, 2, 3, 4]]}
PREDICT = "/v1/models/m:predict"


@pytest.fixture
def keys(tmp_path: Path) -> str:
    path = tmp_path / "keys"
    path.write_text("letmein\n")
    path.chmod(0o600)
    return str(path)


async def test_only_who_has_the_key_is_answered(
    serve: Serve, spec: SpecOf, keys: str
) -> None:
    async with serve(spec("Iris"), api_keys=keys) as (_, client):
        refused = await client.post(PREDICT, json=BODY)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="inferry"'
        assert refused.headers["connection"] == "close"
        assert "this server wants an API key" in refused.json()["error"]
        reply = await client.post(PREDICT, json=BODY, headers=KEY)
        assert reply.json() == {"predictions": [10.0]}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("GET /v2/health/live", 200),
        ("GET /v2/health/ready", 200),
        ("HEAD /v2/health/ready", 200),
        ("POST /v2/health/ready", 401),
        ("GET /v2/health/ready/", 401),
        ("GET /", 401),
        ("GET /metrics", 401),
        ("GET /docs", 401),
        ("GET /v2/models/m/ready", 401),
        ("GET /nowhere", 401),
        ("POST /v2/repository/models/m/unload", 401),
    ],
)
async def test_only_health_is_open(
    asked: str, status: int, serve: Serve, spec: SpecOf, keys: str
) -> None:
    async with serve(spec("Iris"), api_keys=keys) as (_, client):
        assert (await client.request(*asked.split())).status_code == status


async def test_the_management_port_is_closed_too(keys: str) -> None:
    settings = ServerSettings(http_port=0, management_port=0, api_keys=keys)
    server = ModelServer(settings)
    await server.start()
    url = f"http://127.0.0.1:{server.ports.management}/v2/repository/index"
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.post(url)).status_code == 401
            assert (await client.post(url, headers=KEY)).status_code == 200
    finally:
        await server.stop()


async def test_a_connection_without_a_body_goes_on(
    serve: Serve, spec: SpecOf, keys: str
) -> None:
    async with serve(spec("Iris"), api_keys=keys) as (_, client):
        refused = await client.get("/v2")
        assert refused.status_code == 401
        assert "connection" not in refused.headers


async def test_a_large_body_is_refused_before_it_is_read(
    serve: Serve, spec: SpecOf, keys: str
) -> None:
    async with serve(spec("Iris"), api_keys=keys) as (_, client):
        began = time.monotonic()
        refused = await client.post(PREDICT, content=b" " * 20_000_000)
        assert refused.status_code == 401
        assert time.monotonic() - began < 5


async def test_middleware_sees_every_answer_but_refusals(
    serve: Serve, spec: SpecOf, keys: str
) -> None:
    settings = {"middleware": ("wrapping:Stamp",), "api_keys": keys}
    async with serve(spec("Iris"), **settings) as (_, client):
        reply = await client.post(PREDICT, json=BODY, headers=KEY)
        assert reply.json() == {"predictions": [10.0]}
        assert reply.headers["x-stamp"] == "yes"
        assert "x-stamp" not in (await client.get("/v2")).headers


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "must read 'module:attribute'"),
        ("no_such_module:x", "cannot be imported: ModuleNotFoundError"),
        ("wrapping:Nope", "cannot be imported: AttributeError"),
        ("wrapping:NO_MIDDLEWARE", "it is no callable"),
        ("wrapping:broken", "cannot be made: RuntimeError: it has a fault"),
    ],
)
def test_middleware_that_is_none_is_told(name: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ModelServer(ServerSettings(middleware=(name,)))
    assert message in str(caught.value)
