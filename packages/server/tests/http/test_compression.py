"""Compressed answers."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry_server.http import compression
from inferry_server.http.compression import chosen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from serving import Serve, SpecOf

CHOICES = [
    ("gzip", "gzip"),
    ("deflate", "deflate"),
    ("gzip, deflate, br", "gzip"),
    ("deflate;q=0.9, gzip;q=0.5", "deflate"),
    ("br", ""),
    ("identity", ""),
    ("*", "gzip"),
    ("*;q=0.5, gzip;q=0", "deflate"),
    ("gzip;q=0", ""),
    ("identity, gzip;q=0.5", ""),
    ("GZIP ; Q=1", "gzip"),
    ("x-gzip", "gzip"),
    ("gzip;q=nonsense", ""),
    ("", ""),
    (",;=", ""),
]
UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}


@pytest.mark.parametrize(("accept", "expected"), CHOICES)
def test_the_best_encoding_is_chosen(accept: str, expected: str) -> None:
    assert chosen(accept) == expected


@pytest.fixture
async def echo(serve: Serve, spec: SpecOf) -> AsyncIterator[Any]:
    async with serve(spec("Echo")) as (_, client):
        yield client


async def ask(client: Any, data: Any, accept: str, *, binary: bool = True) -> Any:
    """Return the answer with its body as it came."""
    tensor = {
        "name": "x",
        "shape": list(data.shape),
        "datatype": "FP32",
        "data": data.ravel().tolist(),
    }
    request = client.build_request(
        "POST",
        "/v2/models/m/infer",
        json={"inputs": [tensor], "parameters": {"binary_data_output": binary}},
        headers={"accept-encoding": accept},
    )
    answer = await client.send(request, stream=True)
    try:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])
    finally:
        await answer.aclose()


@pytest.mark.parametrize("size", [1000, 100_000])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("accept", ["gzip", "deflate"])
async def test_an_answer_is_the_same_compressed(
    echo: Any, size: int, accept: str, *, binary: bool
) -> None:
    data = np.arange(size, dtype=np.float32)
    plain, body = await ask(echo, data, "identity", binary=binary)
    packed, less = await ask(echo, data, accept, binary=binary)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == accept
    assert packed.headers["vary"] == "accept-encoding"
    assert int(packed.headers["content-length"]) == len(less) < len(body)
    assert UNPACK[accept](less) == body
    header = "inference-header-content-length"
    assert packed.headers.get(header) == plain.headers.get(header)
    assert (header in packed.headers) == binary


async def test_small_answers_stay_as_they_are(echo: Any) -> None:
    answer, _ = await ask(echo, np.zeros(4, np.float32), "gzip")
    assert "content-encoding" not in answer.headers


async def test_what_does_not_shrink_stays_as_it_is(echo: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 2**32, 20_000, np.uint32)
    bits = noise & np.uint32(0xBFFFFFFF)  # neither NaN nor infinity
    answer, _ = await ask(echo, bits.view(np.float32), "gzip")
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


async def test_metrics_are_compressed_too(echo: Any) -> None:
    answer = await echo.get("/metrics", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "inferry_requests_total" in answer.text


@pytest.mark.parametrize(
    "path", ["/v2/models/m", "/v2/models/m/stats", "/v2/models/nobody", "/v2"]
)
async def test_what_tells_of_a_model_comes_as_it_is(
    echo: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tritonclient's http.aio asks for gzip and reads these without unpacking."""
    monkeypatch.setattr(compression, "SMALLEST", 1)
    metrics = await echo.get("/metrics", headers={"accept-encoding": "gzip"})
    answer = await echo.get(path, headers={"accept-encoding": "gzip"})
    assert metrics.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in answer.headers


async def test_a_body_that_inflates_too_far_is_refused(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Echo"), max_inflate_ratio=50) as (_, client):
        for size, status in ((1 << 20, 400), (40 << 20, 413)):
            answer = await client.post(
                "/v2/models/m/infer",
                content=gzip.compress(b" " * size),
                headers={"content-encoding": "gzip"},
            )
            assert answer.status_code == status
        assert "50 times" in answer.json()["error"]
