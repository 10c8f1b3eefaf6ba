"""One inference over gRPC, with Triton's client and with bare messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
import served_models
import tritonclient.grpc.aio as triton
from asking import asking, numbers, tensor, typed

from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from serving import Serve, SpecOf

INFER = "ModelInfer"


@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (2, 4), (0, 4), (1,)])
async def test_a_tensor_of_tritons_client_comes_back_as_it_went(
    serve: Serve, spec: SpecOf, shape: tuple[int, ...]
) -> None:
    sent = np.random.default_rng(0).random(shape, np.float32)
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        triton.InferenceServerClient(f"127.0.0.1:{server.ports.grpc}") as client,
    ):
        given = triton.InferInput("x", list(sent.shape), "FP32")
        given.set_data_from_numpy(sent)
        result = await client.infer("m", [given], request_id="7")
    assert result.get_response().id == "7"
    np.testing.assert_array_equal(result.as_numpy("x"), sent)


async def test_typed_is_answered_typed_and_raw_raw(serve: Serve, spec: SpecOf) -> None:
    raw = tensor(datatype="FP32", shape=[2])
    contents = {"fp32_contents": [1.5, 2.5]}
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        given = await ask.infer({**raw, "contents": contents})
        assert list(given.outputs[0].contents.fp32_contents) == [1.5, 2.5]
        assert not given.raw_output_contents
        sent = np.array([1.5, 2.5], np.float32).tobytes()
        given = await ask.infer(raw, raw_input_contents=[sent])
        assert list(given.raw_output_contents) == [sent]
        assert not given.outputs[0].HasField("contents")


async def test_large_typed_contents_are_answered_too(
    serve: Serve, spec: SpecOf
) -> None:
    values = list(range(200_000))
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        given = await ask.infer(typed(values))
    assert list(given.outputs[0].contents.int_contents) == values


async def test_many_bytes_are_answered_too(serve: Serve, spec: SpecOf) -> None:
    raw = b"\1\0\0\0a" * 60_000
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        given = await ask.infer(
            tensor(datatype="BYTES", shape=[60_000]), raw_input_contents=[raw]
        )
    assert list(given.raw_output_contents) == [raw]


async def test_parameters_of_all_kinds_come_back(serve: Serve, spec: SpecOf) -> None:
    sent = {
        "a": {"bool_param": True},
        "b": {"int64_param": -5},
        "c": {"string_param": "é"},
        "d": {"double_param": 0.5},
        "e": {"uint64_param": 2**64 - 1},
    }
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        given = await ask.infer({**typed([1]), "parameters": sent})
    expected = {
        name: message("InferParameter")(**value) for name, value in sent.items()
    }
    assert dict(given.outputs[0].parameters) == expected


async def test_an_output_can_be_chosen_and_classified(
    serve: Serve, spec: SpecOf
) -> None:
    asked = {"name": "sum", "parameters": {"classification": {"int64_param": 1}}}
    given = tensor("input", "FP32", shape=[2, 4])
    raw = np.arange(8, dtype=np.float32).tobytes()
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        answer = await ask.infer(given, raw_input_contents=[raw], outputs=[asked])
        assert answer.raw_output_contents[0][4:] == b"22.000000:1"
        error = await ask.refusal(
            INFER,
            model_name="m",
            inputs=[given],
            outputs=[{"name": "no"}],
            raw_input_contents=[raw],
        )
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "has no output 'no'" in error.details()


async def test_versions_are_checked_and_told(serve: Serve, spec: SpecOf) -> None:
    inputs = [
        tensor("text", "BYTES", contents={"bytes_contents": [b"a"]}),
        tensor("size", shape=[1, 1], contents={"int_contents": [1]}),
    ]
    async with (
        serve(spec("Pair"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        assert (await ask.infer(*inputs)).model_version == "2"
        answer = await ask.infer(*inputs, model_version="1")
        assert answer.model_version == "1"
        error = await ask.refusal(INFER, model_name="m", model_version="9")
    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert "has no version '9'; it has 1, 2" in error.details()


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"model_name": "no"}, grpc.StatusCode.NOT_FOUND, "there is no model 'no'"),
        ({"model_name": ""}, grpc.StatusCode.NOT_FOUND, "there is no model ''"),
        (
            {"model_name": "m"},
            grpc.StatusCode.INVALID_ARGUMENT,
            "input",
        ),
        (
            {"model_name": "m", "inputs": [tensor("input", "FP32", shape=[-1])]},
            grpc.StatusCode.INVALID_ARGUMENT,
            "negative dimension",
        ),
        (
            {"model_name": "m", "parameters": {"timeout": {"string_param": "a"}}},
            grpc.StatusCode.INVALID_ARGUMENT,
            "'timeout' is 'a'",
        ),
    ],
)
async def test_what_is_wrong_is_told(
    serve: Serve,
    spec: SpecOf,
    fields: dict[str, object],
    code: grpc.StatusCode,
    text: str,
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        error = await ask.refusal(INFER, **fields)
    assert (error.code(), text in error.details()) == (code, True)


async def test_what_is_no_message_is_the_clients_error(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        call = ask.channel.unary_unary(f"/inference.GRPCInferenceService/{INFER}")
        for body in (b"\xff\xff", b"\x3a" * 50_000):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(body, timeout=10)
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_models_own_error_stays_inside(serve: Serve, spec: SpecOf) -> None:
    model = spec("Raises", options={"predict": "value"})
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        error = await ask.refusal(INFER, model_name="m", inputs=[typed([1])])
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "secret" not in error.details()
    assert "internal error, id " in error.details()


async def test_a_model_that_failed_to_load_is_unavailable(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("Raises", options={"load": "load"})
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        error = await ask.refusal(INFER, model_name="m", inputs=[typed([1])])
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert "bad magic" in error.details()
    assert ("retry-after", "1") in tuple(error.trailing_metadata())


async def test_the_id_of_a_request_comes_back(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        request = message("ModelInferRequest")(model_name="m", inputs=[typed([1])])
        call = ask.channel.unary_unary(f"/inference.GRPCInferenceService/{INFER}")(
            request.SerializeToString(), metadata=(("x-request-id", "abc"),)
        )
        await call
        assert ("x-request-id", "abc") in tuple(await call.trailing_metadata())


async def test_metadata_that_is_forwarded_reaches_the_model(
    serve: Serve, spec: SpecOf
) -> None:
    settings = {"grpc_port": 0, "forwarded_headers": ("x-tenant",)}
    async with serve(spec("Headers"), **settings) as (server, _), asking(server) as ask:
        metadata = (("x-tenant", "a"), ("x-other", "b"), ("x-raw-bin", b"\0"))
        given = await ask.infer(typed([1]), metadata=metadata)
    assert given.outputs[0].contents.bytes_contents[0] == b"{'x-tenant': 'a'}"


async def test_a_request_whose_time_is_over_is_not_started(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("Slow", options={"seconds": 0.5})
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        first = asyncio.create_task(ask.infer(typed([1])))
        await asyncio.sleep(0.1)
        error = await ask.refusal(
            INFER, model_name="m", inputs=[typed([2])], seconds=0.1
        )
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        limit = {"timeout": {"int64_param": 100_000}}
        error = await ask.refusal(
            INFER, model_name="m", inputs=[typed([3])], parameters=limit
        )
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert "it was not started" in error.details()
        await first
    assert served_models.Slow.calls == 1


async def test_a_request_is_dropped_when_its_client_leaves(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("SlowAsync", options={"seconds": 30})
    before = served_models.SlowAsync.cancelled
    async with serve(model, grpc_port=0) as (server, _), asking(server) as ask:
        asked = asyncio.create_task(ask.infer(typed([1])))
        await asyncio.sleep(0.3)
        asked.cancel()
        async with asyncio.timeout(5):
            while served_models.SlowAsync.cancelled == before:  # noqa: ASYNC110 - a plain counter
                await asyncio.sleep(0.01)
            while server.statistics.in_flight["grpc"]:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)


async def test_a_full_queue_is_unavailable(serve: Serve, spec: SpecOf) -> None:
    model = spec("Slow", options={"seconds": 0.3})
    settings = {"grpc_port": 0, "queue_size": 1}
    async with serve(model, **settings) as (server, _), asking(server) as ask:
        asked = [asyncio.create_task(ask.infer(typed([1]))) for _ in range(6)]
        done = await asyncio.gather(*asked, return_exceptions=True)
    refused = [one for one in done if isinstance(one, grpc.aio.AioRpcError)]
    assert len(refused) == 4
    assert {error.code() for error in refused} == {grpc.StatusCode.UNAVAILABLE}


@pytest.mark.parametrize(
    "compression", [grpc.Compression.Gzip, grpc.Compression.Deflate]
)
async def test_a_compressed_request_is_read(
    serve: Serve, spec: SpecOf, compression: grpc.Compression
) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        data = np.zeros(100_000, np.int32)
        given = await ask.infer(
            tensor(shape=[100_000]),
            raw_input_contents=[data.tobytes()],
            compression=compression,
        )
    assert numbers(given) == data.tolist()


async def test_requests_are_counted(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, client),
        asking(server) as ask,
    ):
        await ask.infer(tensor(shape=[3, 1]), raw_input_contents=[bytes(12)])
        await ask.refusal(INFER, model_name="invented")
        told = server.statistics.of("m")
        text = (await client.get("/metrics")).text
    assert told.inference_count == 3
    assert told.success.count == 1
    assert "invented" not in text
    assert 'protocol="grpc"' in text
