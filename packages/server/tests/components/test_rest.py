"""The client for HTTP against predictors that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelNotReady
from inferry.model import InferRequest, Tensor
from inferry_server.components import rest
from inferry_server.components.rest import RestClient
from inferry_server.errors import DeadlineExceeded, PredictorFailed
from inferry_server.states import Predictor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUEST = InferRequest(
    inputs=(Tensor(name="x", datatype="FP32", data=np.ones((1, 2), np.float32)),)
)


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def predictor(
    answer: bytes, protocol: str = "v2", **more: Any
) -> AsyncIterator[tuple[RestClient, list[bytes]]]:
    """Give every connection *answer*; gives a client and the heads that came."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Predictor(host=f"127.0.0.1:{port}", protocol=protocol, **more)
    client = RestClient(settings, "m")
    try:
        yield client, heads
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "answer",
    [
        reply(b""),
        reply(b"[]"),
        reply(b'{"outputs": [{"name": "y"}]}'),
        reply(b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [1]}]}'),
        reply(
            b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2],'
            b'"parameters": {"binary_data_size": 8}}]}',
        ),
        reply(b"{}", "200 OK", "inference-header-content-length: x"),
        reply(b"{}", "302 Found", "location: http://127.0.0.1:1/"),
        reply(b"oops", "500 Internal Server Error"),
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_the_predictors_fault(answer: bytes) -> None:
    async with predictor(answer, retries=3) as (client, heads):
        with pytest.raises(PredictorFailed, match=r"^the predictor 'm' at "):
            await client.predict(REQUEST, {}, 5)
        assert len(heads) == 1  # what may have been seen is never sent again


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": "not so"}', "not so"),
        (b'{"detail": [{"msg": "bad"}]}', "bad"),
        (b"plain words", "plain words"),
    ],
)
async def test_the_text_of_a_refusal_is_kept(body: bytes, text: str) -> None:
    async with predictor(reply(body, "422 Unprocessable")) as (client, _):
        with pytest.raises(InvalidInput) as caught:
            await client.predict(REQUEST, {}, 5)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("predictions", "shape"),
    [(b"[1, 2]", (2,)), (b'[{"a": 1}, {"a": 2}]', (2,)), (b'{"a": [1]}', (1,))],
)
async def test_predictions_of_v1_are_tensors(
    predictions: bytes, shape: tuple[int, ...]
) -> None:
    body = b'{"predictions": ' + predictions + b', "model": "m"}'
    async with predictor(reply(body), "v1") as (client, _):
        response = await client.predict(REQUEST, {}, 5)
    assert response.outputs[0].data.shape == shape
    assert response.parameters == {"model": "m"}


async def test_predictions_that_are_no_tensors_are_told() -> None:
    body = b'{"predictions": [[1], [1, 2]]}'
    async with predictor(reply(body), "v1") as (client, _):
        with pytest.raises(PredictorFailed, match="its answer cannot be read"):
            await client.predict(REQUEST, {}, 5)


async def test_only_what_was_given_is_sent() -> None:
    async with predictor(reply(b'{"outputs": []}')) as (client, heads):
        await client.predict(REQUEST, {"x-request-id": "7"}, 5)
    head = heads[0].lower()
    assert b"post /v2/models/m/infer http/1.1" in head
    assert b"x-request-id: 7" in head
    assert b"cookie" not in head


async def test_a_host_that_takes_no_connection_is_told_from_one_that_is_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a firewall: nothing was sent, so it may be tried again."""
    monkeypatch.setattr(rest, "_CONNECT", 0.2)
    with socket.socket() as deaf, contextlib.ExitStack() as waiting:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(2):  # its queue is full
            caller = waiting.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(deaf.getsockname())
        host = f"127.0.0.1:{deaf.getsockname()[1]}"
        client = RestClient(Predictor(host=host), "m")
        with pytest.raises(ModelNotReady, match=r"no connection within 0\.2 s"):
            await client.predict(REQUEST, {}, 5)
        await client.close()


async def test_attempts_to_connect_are_counted() -> None:
    client = RestClient(Predictor(host="127.0.0.1:1", retries=2), "m")
    began = asyncio.get_running_loop().time()
    with pytest.raises(ModelNotReady, match="cannot be reached"):
        await client.predict(REQUEST, {}, 5)
    assert asyncio.get_running_loop().time() - began >= 0.15
    await client.close()


async def test_retries_end_with_the_time() -> None:
    client = RestClient(Predictor(host="127.0.0.1:1", retries=1000), "m")
    with pytest.raises(DeadlineExceeded):
        await client.predict(REQUEST, {}, 0.3)
    await client.close()


async def test_a_retry_finds_a_predictor_that_comes_up() -> None:
    async with predictor(b"") as (client, _):
        port = int(client.where.rpartition(":")[2])
    client = RestClient(Predictor(host=f"127.0.0.1:{port}", retries=20), "m")
    asked = asyncio.create_task(client.healthy(5))
    assert not await asked
    asking = asyncio.create_task(client.predict(REQUEST, {}, 5))
    await asyncio.sleep(0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b'{"predictions": [1]}'))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    assert (await asking).outputs[0].data.tolist() == [1]
    await client.close()
    server.close()
    await server.wait_closed()
