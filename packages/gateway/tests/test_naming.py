"""Requests whose body names the model: OpenAI's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

CHAT = "/v1/chat/completions"
NOBODY = "localhost:8000"


def body(model: Any = "iris", size: int = 0) -> bytes:
    return json.dumps({"messages": ["x" * size], "model": model}).encode()


async def two(world: Any) -> tuple[Any, Any]:
    first, second = await world.replica(), await world.replica()
    await world.start(
        world.service(first),
        world.service(second, name="rose", hosts=("rose.example.com",), models=("r",)),
    )
    return first, second


@pytest.mark.parametrize(
    "path", [CHAT, "/openai/v1/embeddings", "/v1/rerank/?a=1", "/v2/rerank"]
)
async def test_the_body_says_where_a_request_goes(world: Any, path: str) -> None:
    first, second = await two(world)
    for model in ("r", "iris", "r"):
        answer = await world.ask("POST", path, body(model), Host=NOBODY)
        assert (answer.status, answer.body) == (200, body(model))
    assert (len(first.requests), len(second.requests)) == (1, 2)
    assert second.requests[0].target == path


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_may_come_in_pieces(world: Any, chunked: bool) -> None:  # noqa: FBT001
    _, second = await two(world)
    client = await world.client()
    sent = body("r", 200_000)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: {NOBODY}\r\n"
    head += (
        "Transfer-Encoding: chunked\r\n\r\n"
        if chunked
        else f"Content-Length: {len(sent)}\r\n\r\n"
    )
    client.send(head.encode())
    for start in range(0, len(sent), 50_000):
        piece = sent[start : start + 50_000]
        if chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        client.send(piece)
        await asyncio.sleep(0.01)
    if chunked:
        client.send(b"0\r\n\r\n")
    answer = await client.answer("POST")
    assert answer.body == sent
    assert second.requests[0].body == sent
    assert world.gateway.held_bytes == 0


async def test_a_client_that_waits_for_100_gets_it(world: Any) -> None:
    await two(world)
    client = await world.client()
    sent = body("r")
    client.send(
        f"POST {CHAT} HTTP/1.1\r\nHost: {NOBODY}\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(sent)}\r\n\r\n".encode()
    )
    assert (await client.answer()).status == 100
    client.send(sent)
    assert (await client.answer("POST")).body == sent


async def test_requests_follow_each_other_on_one_connection(world: Any) -> None:
    await two(world)
    client = await world.client()
    for model in ("r", "iris", "nobody", "r"):
        answer = await client.ask("POST", CHAT, body(model), Host=NOBODY)
        assert answer.status == (404 if model == "nobody" else 200)


async def test_a_host_or_a_prefix_tells_without_the_body(world: Any) -> None:
    first, _ = await two(world)
    assert (await world.ask("POST", CHAT, body("r"))).status == 200
    path = f"/serving/default/iris{CHAT}"
    assert (await world.ask("POST", path, b"any", Host=NOBODY)).status == 200
    assert [request.target for request in first.requests] == [CHAT, CHAT]


async def test_the_only_service_needs_no_name(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    answer = await world.ask("POST", CHAT, b"{}", Host=NOBODY)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (b"{}", 400, "the body has no 'model' (known models: iris, r)"),
        (b"", 400, "names no model: it is empty"),
        (b"[]", 400, "names no model"),
        (b'{"model": 3}', 400, "names no model: model: Expected str | null, got int"),
        (b"{", 400, "names no model: it is no JSON"),
        (b"\xff\xfe{", 400, "names no model"),
        (body("irs"), 404, "no model named 'irs', did you mean 'iris'?"),
    ],
)
async def test_what_names_nobody_is_refused_in_openai_s_shape(
    world: Any, sent: bytes, status: int, text: str
) -> None:
    await two(world)
    answer = await world.ask("POST", CHAT, sent, Host=NOBODY)
    error = json.loads(answer.body)["error"]
    assert answer.status == status
    assert text in error["message"]
    assert list(error) == ["message", "type", "param", "code"]


@pytest.mark.parametrize(
    ("line", "sent", "param", "code"),
    [
        (f"POST {CHAT}", b"{}", "model", None),
        (f"POST {CHAT}", b'{"model": 3}', "model", None),
        (f"POST {CHAT}", b"[]", None, None),
        (f"POST {CHAT}", body("nobody"), "model", "model_not_found"),
        ("GET /openai/v1/models/nobody", b"", "model", "model_not_found"),
        ("POST /v2/rerank", body("nobody"), "model", "model_not_found"),
        ("POST /v1/responses", b"{}", None, None),
        ("POST /openai/v1/images", b"{}", None, None),
        (f"GET {CHAT}", b"", None, None),
    ],
)
async def test_openai_s_clients_read_every_refusal(
    world: Any, line: str, sent: bytes, param: str | None, code: str | None
) -> None:
    await two(world)
    answer = await world.ask(*line.split(), sent, Host=NOBODY)
    error = json.loads(answer.body)["error"]
    assert error["type"] == "invalid_request_error"
    assert (error["param"], error["code"]) == (param, code)


async def test_a_wrong_method_is_told_the_right_one(world: Any) -> None:
    await two(world)
    for path, method in ((CHAT, "POST"), ("/v2/repository/index", "POST")):
        answer = await world.ask("GET", path, Host=NOBODY)
        assert (answer.status, answer.header("allow")) == (405, method)


async def test_a_compressed_body_has_to_name_its_service(world: Any) -> None:
    await two(world)
    answer = await world.ask("POST", CHAT, b"x", Host=NOBODY, Content_Encoding="gzip")
    assert answer.status == 415


async def test_a_body_that_is_too_long_is_refused(world: Any) -> None:
    await two(world)
    sent = body("r", 9 * 1024 * 1024)
    answer = await world.ask("POST", CHAT, sent, Host=NOBODY)
    assert answer.status == 413
    assert world.gateway.held_bytes == 0


async def test_bodies_are_held_within_a_limit(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica, max_held_bytes=100_000)
    answer = await world.ask("POST", CHAT, body("iris", 200_000), Host=NOBODY)
    assert answer.status == 429
    assert world.gateway.held_bytes == 0


async def test_a_client_that_leaves_holds_nothing(world: Any) -> None:
    await two(world)
    client = await world.client()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: {NOBODY}\r\nContent-Length: 1000\r\n\r\n"
    client.send(head.encode() + b"{")
    await world.until(lambda: world.gateway.held_bytes == 1)
    client.close()
    await world.until(lambda: world.gateway.held_bytes == 0)


async def test_other_methods_are_refused(world: Any) -> None:
    await two(world)
    assert (await world.ask("GET", CHAT, Host=NOBODY)).status == 405


async def test_a_stream_passes_through_event_by_event(world: Any) -> None:
    go_on = asyncio.Event()

    async def stream(_message: Any, _reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"9\r\ndata: 1\n\n\r\n")
        await go_on.wait()
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    await world.serve(await world.replica(stream))
    client = await world.client()
    sent = body()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: {NOBODY}\r\nContent-Length: {len(sent)}\r\n"
    client.send(head.encode() + b"\r\n" + sent)
    async with asyncio.timeout(5):
        await client.reader.readuntil(b"data: 1\n\n")
        go_on.set()
        await client.reader.readuntil(b"0\r\n\r\n")


async def test_models_are_listed_for_v1_and_openai(world: Any) -> None:
    await two(world)
    listed = json.loads((await world.ask("GET", "/v1/models", Host=NOBODY)).body)
    openai = json.loads((await world.ask("GET", "/openai/v1/models", Host=NOBODY)).body)
    assert listed == {"models": ["iris", "r"], **openai}
    assert openai["object"] == "list"
    assert [model["id"] for model in openai["data"]] == ["iris", "r"]
    assert openai["data"][1]["owned_by"] == "inferry"


async def test_one_model_is_asked_for_by_its_path(world: Any) -> None:
    _, second = await two(world)
    await world.ask("GET", "/openai/v1/models/r", Host=NOBODY)
    assert second.requests[0].target == "/openai/v1/models/r"
