"""Tensors in shared memory, over HTTP."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from serving import Serve, SpecOf

FOLDER = Path("/dev/shm")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="POSIX shared memory")
URL = "/v2/systemsharedmemory"
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture
def key() -> Iterator[str]:
    path = FOLDER / f"inferry-test-{secrets.token_hex(8)}"
    path.write_bytes(ROWS.tobytes() + bytes(32))
    yield f"/{path.name}"
    path.unlink()


@pytest.fixture
async def iris(serve: Serve, spec: SpecOf) -> AsyncIterator[Any]:
    async with serve(spec("Iris"), allow_shared_memory=True) as (_, client):
        yield client


def request(**places: Any) -> dict[str, Any]:
    return {
        "inputs": [
            {
                "name": "input",
                "shape": [2, 4],
                "datatype": "FP32",
                "parameters": places,
            }
        ],
        "outputs": [
            {
                "name": "sum",
                "parameters": {
                    "shared_memory_region": "r",
                    "shared_memory_offset": 32,
                    "shared_memory_byte_size": 8,
                },
            }
        ],
    }


async def test_inputs_and_outputs_lie_where_the_client_says(
    iris: Any, key: str
) -> None:
    region = {"key": key, "offset": 0, "byte_size": 64}
    answer = await iris.post(f"{URL}/region/r/register", json=region)
    assert answer.status_code == 200
    status = {"name": "r", **region}
    assert (await iris.get(f"{URL}/status")).json() == [status]
    assert (await iris.get(f"{URL}/region/r/status")).json() == [status]
    body = request(shared_memory_region="r", shared_memory_byte_size=32)
    answer = await iris.post("/v2/models/m/infer", json=body)
    assert answer.json()["outputs"] == [
        {
            "name": "sum",
            "datatype": "FP32",
            "shape": [2],
            "parameters": {
                "shared_memory_region": "r",
                "shared_memory_byte_size": 8,
                "shared_memory_offset": 32,
            },
        }
    ]
    content = (FOLDER / key[1:]).read_bytes()
    assert np.frombuffer(content[32:40], np.float32).tolist() == [6.0, 22.0]
    body = request(shared_memory_region="r", shared_memory_byte_size=65)
    assert (await iris.post("/v2/models/m/infer", json=body)).status_code == 400
    for path in ("region/r/unregister", "unregister"):
        assert (await iris.post(f"{URL}/{path}")).status_code == 200
    assert (await iris.get(f"{URL}/status")).json() == []


async def test_a_region_is_registered_once(iris: Any, key: str) -> None:
    region = {"key": key, "byte_size": 64}
    assert (await iris.post(f"{URL}/region/r/register", json=region)).status_code == 200
    again = await iris.post(f"{URL}/region/r/register", json=region)
    assert again.status_code == 409


@pytest.mark.parametrize(
    "region",
    [
        {},
        {"key": "../x", "byte_size": 1},
        {"key": 1, "byte_size": 1},
        {"key": "/x", "byte_size": "1"},
        {"key": "/no-such-segment", "offset": 0, "byte_size": 1},
    ],
)
async def test_what_is_no_region_is_refused(iris: Any, region: Any) -> None:
    answer = await iris.post(f"{URL}/region/r/register", json=region)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


async def test_a_region_that_is_not_there_has_no_status(iris: Any) -> None:
    assert (await iris.get(f"{URL}/region/r/status")).status_code == 404
    assert (await iris.get("/v2/cudasharedmemory/region/r/status")).status_code == 404


async def test_closed_shared_memory_says_which_flag_opens_it(
    serve: Serve, spec: SpecOf, key: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        region = {"key": key, "byte_size": 64}
        answer = await client.post(f"{URL}/region/r/register", json=region)
        assert answer.status_code == 403
        assert "--allow_shared_memory" in answer.json()["error"]
        body = request(shared_memory_region="r", shared_memory_byte_size=32)
        assert (await client.post("/v2/models/m/infer", json=body)).status_code == 400
        assert (await client.get(f"{URL}/status")).json() == []
        assert (await client.post(f"{URL}/unregister")).status_code == 200
        extensions = (await client.get("/v2")).json()["extensions"]
        assert "system_shared_memory" not in extensions


async def test_cuda_is_answered_but_not_there(iris: Any) -> None:
    base = "/v2/cudasharedmemory"
    assert (await iris.get(f"{base}/status")).json() == []
    assert (await iris.post(f"{base}/unregister")).status_code == 200
    answer = await iris.post(f"{base}/region/r/register", json={})
    assert answer.status_code == 501
