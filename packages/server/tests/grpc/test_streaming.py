"""Many requests and their answers over one stream."""

from __future__ import annotations

import asyncio
import queue
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import served_models
import tritonclient.grpc as triton
from asking import asking, numbers, typed

from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from serving import Serve, SpecOf

Request = message("ModelInferRequest")
FINAL = "triton_final_response"
WANTS_FINAL = {"triton_enable_empty_final_response": {"bool_param": True}}


def request(value: int, model: str = "m", name: str = "x", **more: Any) -> Any:
    more.setdefault("id", str(value))
    return Request(model_name=model, inputs=[typed([value], name)], **more)


async def answers(stream: Any, *requests: Any) -> list[Any]:
    """Send *requests*, close, and return all that comes back."""
    for one in requests:
        await stream.write(one)
    await stream.done_writing()
    return [answer async for answer in stream]


def ids(answered: list[Any]) -> list[str]:
    return [answer.infer_response.id for answer in answered]


async def test_answers_come_in_the_order_of_their_requests(
    serve: Serve, spec: SpecOf
) -> None:
    models = (spec("Echo"), spec("SlowAsync", "slow"))
    async with serve(*models, grpc_port=0) as (server, _), asking(server) as ask:
        sent = [request(n, "slow" if n % 3 == 0 else "m") for n in range(20)]
        got = await answers(ask.stream(), *sent)
    assert ids(got) == [str(n) for n in range(20)]
    for number, answer in enumerate(got):
        contents = answer.infer_response.outputs[0].contents
        assert list(contents.int_contents) == [number]
        assert answer.infer_response.parameters[FINAL].bool_param


async def test_requests_of_one_stream_are_worked_on_side_by_side(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("SlowAsync", options={"seconds": 0.3})
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        async with asyncio.timeout(2):
            got = await answers(ask.stream(), *map(request, range(20)))
    assert len(got) == 20


async def test_more_requests_than_are_worked_on_at_once_are_answered(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream()
        reading = asyncio.create_task(answers_only(stream))
        for number in range(500):
            await stream.write(request(number))
        await stream.done_writing()
        assert ids(await reading) == [str(n) for n in range(500)]


async def answers_only(stream: Any) -> list[Any]:
    return [answer async for answer in stream]


async def test_an_error_is_told_in_the_stream_which_goes_on(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream()
        got = await answers(stream, request(1), request(2, "no"), request(3))
        assert await stream.code() == grpc.StatusCode.OK
    assert ids(got) == ["1", "2", "3"]
    assert [answer.error_message for answer in got] == [
        "",
        "there is no model 'no'; this server has 'm'",
        "",
    ]


async def test_what_is_no_message_is_told_in_the_stream(
    serve: Serve, spec: SpecOf
) -> None:
    path = "/inference.GRPCInferenceService/ModelStreamInfer"
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.channel.stream_stream(path)()
        got = await answers(stream, b"\xff\xff", request(1).SerializeToString())
    told = [message("ModelStreamInferResponse").FromString(body) for body in got]
    assert told[0].error_message == "the message is no ModelInferRequest"
    assert told[1].infer_response.id == "1"


async def test_the_id_of_a_request_comes_back(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream(metadata=(("x-request-id", "abc"),))
        await answers(stream, request(1))
        assert ("x-request-id", "abc") in tuple(await stream.trailing_metadata())


async def test_an_error_ends_the_stream_where_the_client_wants_that(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream(metadata=(("triton_grpc_error", "true"),))
        await stream.write(request(1, "no"))
        assert await stream.code() == grpc.StatusCode.NOT_FOUND
        assert "there is no model 'no'" in await stream.details()


async def test_a_model_that_streams_gives_as_many_answers_as_it_likes(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Counter"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        got = await answers(ask.stream(), request(3, name="count"))
        assert [contents(answer) for answer in got] == [[0], [1], [2]]
        assert {flag(answer) for answer in got} == {False}
        assert await answers(ask.stream(), request(0, name="count")) == []


def contents(answer: Any) -> list[int]:
    return list(answer.infer_response.outputs[0].contents.int_contents)


def flag(answer: Any) -> bool:
    return bool(answer.infer_response.parameters[FINAL].bool_param)


async def test_an_empty_final_answer_comes_where_it_is_asked_for(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Counter"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        for count in (2, 0):
            asked = request(count, name="count", id="7", parameters=WANTS_FINAL)
            got = await answers(ask.stream(), asked)
            assert [flag(answer) for answer in got] == [False] * count + [True]
            last = got[-1].infer_response
            assert (last.model_name, last.id, len(last.outputs)) == ("m", "7", 0)


async def test_the_flag_for_the_final_answer_must_be_a_flag(
    serve: Serve, spec: SpecOf
) -> None:
    wrong = {"triton_enable_empty_final_response": {"string_param": "yes"}}
    async with (
        serve(spec("Counter"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        asked = request(2, name="count", parameters=wrong)
        got = await answers(ask.stream(), asked)
    assert "is no bool_param" in got[0].error_message


async def test_an_error_of_a_model_that_streams_is_told(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Counter"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        got = await answers(ask.stream(), request(-1, name="count"))
    assert [answer.error_message for answer in got] == ["count is negative"]


async def test_a_model_that_streams_is_closed_when_its_client_leaves(
    serve: Serve, spec: SpecOf
) -> None:
    served_models.Counter.closed = asyncio.Event()  # of this test's loop
    async with (
        serve(spec("Counter"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream()
        await stream.write(request(10**6, name="count"))
        await stream.read()
        stream.cancel()
        async with asyncio.timeout(5):
            await served_models.Counter.closed.wait()
            while server.statistics.in_flight["grpc"]:  # noqa: ASYNC110 - a plain counter
                await asyncio.sleep(0.01)


async def test_requests_in_flight_are_dropped_when_their_client_leaves(
    serve: Serve, spec: SpecOf
) -> None:
    before = served_models.SlowAsync.cancelled
    model = spec("SlowAsync", options={"seconds": 30})
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        stream = ask.stream()
        await stream.write(request(1))
        await stream.write(request(2))
        await asyncio.sleep(0.3)
        stream.cancel()
        async with asyncio.timeout(5):
            while served_models.SlowAsync.cancelled < before + 2:  # noqa: ASYNC110 - a plain counter
                await asyncio.sleep(0.01)


async def test_a_stream_that_stands_idle_ends_when_the_server_stops(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("SlowAsync", options={"seconds": 0.5})
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        idle, busy = ask.stream(), ask.stream()
        await idle.write(request(1))
        await idle.read()
        await busy.write(request(2))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(5):
            draining = asyncio.create_task(server.drain())
            assert (await busy.read()).infer_response.id == "2"
            for stream in (idle, busy):
                assert await stream.code() == grpc.StatusCode.UNAVAILABLE
                assert "stopping" in await stream.details()
            await draining


async def test_tritons_client_reads_the_stream(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Counter"), grpc_port=0) as (server, _):
        got = await asyncio.to_thread(_stream_with_tritons_client, server.ports.grpc)
    assert got == [[0], [1], [2], None]


def _stream_with_tritons_client(port: int) -> list[Any]:
    came: queue.Queue[Any] = queue.Queue()
    tensor = triton.InferInput("count", [1], "INT32")
    tensor.set_data_from_numpy(np.array([3], np.int32))
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    client.start_stream(lambda result, error: came.put((result, error)))
    client.async_stream_infer("m", [tensor], enable_empty_final_response=True)
    got: list[Any] = []
    for _ in range(4):
        result, error = came.get(timeout=10)
        assert error is None
        values = result.as_numpy("n")
        got.append(None if values is None else values.tolist())
    client.stop_stream()
    client.close()
    return got


async def test_the_statistics_count_each_request_of_a_stream(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.stream()
        got = await answers(stream, request(1), request(2), request(3, "no"))
        assert numbers_typed(got[1]) == [2]
        assert server.statistics.of("m").success.count == 2


def numbers_typed(answer: Any) -> list[int]:
    assert not answer.infer_response.raw_output_contents
    return contents(answer)


async def test_raw_requests_are_answered_raw(serve: Serve, spec: SpecOf) -> None:
    raw = Request(
        model_name="m",
        inputs=[{"name": "x", "datatype": "INT32", "shape": [2]}],
        raw_input_contents=[np.array([1, 2], np.int32).tobytes()],
    )
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        got = await answers(ask.stream(), raw)
    assert numbers(got[0].infer_response) == [1, 2]
