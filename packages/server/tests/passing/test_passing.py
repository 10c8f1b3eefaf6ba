"""A model with a server of its own, which is another server of ours here."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
from asking import asking, typed

from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from serving import Serve, SpecOf

    from inferry_server import ModelServer

Request = message("ModelInferRequest")
X = {"name": "x", "datatype": "INT32", "shape": [1], "data": [7]}
FINAL = "triton_final_response"
WANTS_FINAL = {"triton_enable_empty_final_response": {"bool_param": True}}


class Pair:
    """The server that is asked, and the one behind it."""

    def __init__(
        self, front: ModelServer, client: httpx.AsyncClient, behind: ModelServer
    ) -> None:
        self.front, self.client, self.behind = front, client, behind

    @property
    def instance(self) -> Any:
        return self.front.models.get("m").instance


@asynccontextmanager
async def passed(
    serve: Serve, spec: SpecOf, *, name: str = "there", **settings: Any
) -> AsyncIterator[Pair]:
    """Serve three models behind ``m``, which stands for the one called *name*."""
    async with AsyncExitStack() as stack:
        models = (
            spec("Echo", "there"),
            spec("Counter", "counter"),
            spec("SlowAsync", "slow", options={"seconds": 1}),
            spec("Raises", "raises", options={"predict": "value"}),
        )
        behind, _ = await stack.enter_async_context(serve(*models, grpc_port=0))
        options = {
            "http": f"127.0.0.1:{behind.ports.http}",
            "grpc": f"127.0.0.1:{behind.ports.grpc}",
            "name": name,
            "names": "there counter slow raises",
        }
        front = await stack.enter_async_context(
            serve(spec("Passed", options=options), grpc_port=0, **settings)
        )
        yield Pair(*front, behind)


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_infer_is_answered_there(
    serve: Serve, spec: SpecOf, *, fast_lane: bool
) -> None:
    async with passed(serve, spec, fast_lane=fast_lane) as pair:
        for model in ("m", "there", "there/versions/1"):
            answer = await pair.client.post(
                f"/v2/models/{model}/infer", json={"id": "a", "inputs": [X]}
            )
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert (told["model_name"], told["id"]) == ("there", "a")
            assert told["outputs"][0]["data"] == [7]


async def test_tensors_are_passed_on_as_bytes(serve: Serve, spec: SpecOf) -> None:
    data = np.arange(100_000, dtype=np.int32)
    given = {
        "name": "x",
        "datatype": "INT32",
        "shape": [data.size],
        "parameters": {"binary_data_size": data.nbytes},
    }
    asked = {"inputs": [given], "parameters": {"binary_data_output": True}}
    head = json.dumps(asked).encode()
    async with passed(serve, spec) as pair:
        answer = await pair.client.post(
            "/v2/models/m/infer",
            content=head + data.tobytes(),
            headers={"inference-header-content-length": str(len(head))},
        )
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    assert answer.content[length:] == data.tobytes()
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_v1_is_answered_by_the_model_itself(serve: Serve, spec: SpecOf) -> None:
    async with passed(serve, spec) as pair:
        answer = await pair.client.post("/v1/models/m:predict", json={"instances": [1]})
    assert answer.status_code == 200, answer.text


async def test_a_stream_comes_as_it_is(serve: Serve, spec: SpecOf) -> None:
    async with (
        passed(serve, spec) as pair,
        pair.client.stream(
            "POST", "/v2/models/counter/generate_stream", json={"count": 3}
        ) as answer,
    ):
        lines = [line async for line in answer.aiter_lines() if line]
    assert [json.loads(line.removeprefix("data: "))["n"] for line in lines] == [0, 1, 2]


async def test_a_stream_that_is_refused_has_a_status(
    serve: Serve, spec: SpecOf
) -> None:
    async with passed(serve, spec) as pair:
        answer = await pair.client.post(
            "/v2/models/counter/generate_stream", json={"count": -1}
        )
    assert (answer.status_code, answer.json()) == (400, {"error": "count is negative"})


async def test_what_is_told_of_a_model_is_told_there(
    serve: Serve, spec: SpecOf
) -> None:
    async with passed(serve, spec) as pair:
        for path, key in (("", "inputs"), ("/config", "max_batch_size")):
            answer = await pair.client.get(f"/v2/models/counter{path}")
            assert key in answer.json(), answer.text
        ready = await pair.client.get("/v2/models/counter/ready")
        assert ready.json() == {"name": "counter", "ready": True}
        unknown = await pair.client.get("/v2/models/nobody")
        assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("model", "body", "status"),
    [
        ("there", {"inputs": 1}, 400),
        ("there/versions/9", {"inputs": [X]}, 404),
        ("raises", {"inputs": [X]}, 500),
    ],
)
async def test_what_is_refused_there_is_refused_here(
    serve: Serve, spec: SpecOf, model: str, body: Any, status: int
) -> None:
    async with passed(serve, spec) as pair:
        answer = await pair.client.post(f"/v2/models/{model}/infer", json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}


async def test_a_server_that_is_away_makes_the_model_unready(
    serve: Serve, spec: SpecOf
) -> None:
    async with passed(serve, spec) as pair:
        pair.instance.why_unhealthy = "it restarts"
        answer = await pair.client.post("/v2/models/m/infer", json={"inputs": [X]})
        assert answer.status_code == 503
        assert "it restarts" in answer.json()["error"]
        assert (await pair.client.get("/v2/health/ready")).status_code == 503


async def test_a_server_that_is_gone_is_told(serve: Serve, spec: SpecOf) -> None:
    async with passed(serve, spec) as pair:
        await pair.behind.stop()
        answer = await pair.client.post("/v2/models/m/infer", json={"inputs": [X]})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def test_a_request_has_its_time(serve: Serve, spec: SpecOf) -> None:
    async with passed(serve, spec, request_timeout=0.2) as pair:
        answer = await pair.client.post("/v2/models/slow/infer", json={"inputs": [X]})
        assert answer.status_code == 504
        other = await pair.client.post("/v2/models/m/infer", json={"inputs": [X]})
        assert other.status_code == 200


async def test_a_name_for_several_models_is_none_of_them(
    serve: Serve, spec: SpecOf
) -> None:
    async with passed(serve, spec, name="") as pair:
        answer = await pair.client.post("/v2/models/m/infer", json={"inputs": [X]})
        assert answer.status_code == 404
        assert "'there'" in answer.json()["error"]


async def test_grpc_is_passed_on_byte_for_byte(serve: Serve, spec: SpecOf) -> None:
    async with passed(serve, spec) as pair, asking(pair.front) as ask:
        for model in ("m", "there"):
            answer = await ask.infer(typed([7]), model_name=model)
            assert answer.model_name == "there"
            assert list(answer.outputs[0].contents.int_contents) == [7]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask.infer(typed([7]), model_name="nobody")
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_metadata_over_grpc_is_that_servers(serve: Serve, spec: SpecOf) -> None:
    async with passed(serve, spec) as pair:
        address = f"127.0.0.1:{pair.front.ports.grpc}"
        async with triton_grpc.InferenceServerClient(address) as client:
            told = await client.get_model_metadata("m")
            assert told.name == "there"
            config = await client.get_model_config("counter")
            assert config.config.model_transaction_policy.decoupled
            assert await client.is_model_ready("counter")


def counting(number: int, **more: Any) -> Any:
    return Request(
        model_name="counter", id=str(number), inputs=[typed([3], "count")], **more
    )


async def test_streams_keep_the_order_and_the_end_of_each_request(
    serve: Serve, spec: SpecOf
) -> None:
    async with passed(serve, spec) as pair, asking(pair.front) as ask:
        stream = ask.stream()
        for number in range(4):
            more = {"parameters": WANTS_FINAL} if number % 2 else {}
            await stream.write(counting(number, **more))
            await stream.write(
                Request(model_name="m", id=f"e{number}", inputs=[typed([number])])
            )
        await stream.done_writing()
        got = [answer.infer_response async for answer in stream]
    for number in range(4):
        mine = [each for each in got if each.id == str(number)]
        counted = [each.outputs[0].contents for each in mine if each.outputs]
        assert [list(each.int_contents) for each in counted] == [[0], [1], [2]]
        ends = [each for each in mine if not each.outputs]
        assert len(ends) == number % 2
        (echo,) = (each for each in got if each.id == f"e{number}")
        assert echo.parameters[FINAL].bool_param


async def test_an_error_in_a_stream_ends_one_request(
    serve: Serve, spec: SpecOf
) -> None:
    async with passed(serve, spec) as pair, asking(pair.front) as ask:
        stream = ask.stream()
        await stream.write(
            Request(model_name="counter", id="bad", inputs=[typed([-1], "count")])
        )
        await stream.write(counting(1))
        await stream.done_writing()
        got = [answer async for answer in stream]
    errors = [each for each in got if each.error_message]
    assert [each.error_message for each in errors] == ["count is negative"]
    assert len(got) == 4


async def test_a_client_that_leaves_is_forgotten(serve: Serve, spec: SpecOf) -> None:
    async with passed(serve, spec) as pair:
        with pytest.raises(httpx.ReadTimeout):
            await pair.client.post(
                "/v2/models/slow/infer", json={"inputs": [X]}, timeout=0.1
            )
        passing = pair.front.models.get("m").passing
        assert passing is not None
        async with asyncio.timeout(5):
            while passing.running:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
