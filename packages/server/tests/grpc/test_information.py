"""What the server tells of itself and its models over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from asking import asking, tensor

if TYPE_CHECKING:
    from serving import Serve, SpecOf


async def test_a_server_lives_and_is_ready_once_its_models_are(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(grpc_port=0) as (server, _), asking(server) as ask:
        assert (await ask("ServerLive")).live
        assert not (await ask("ServerReady")).ready
        await server.load(spec("Iris"))
        assert (await ask("ServerReady")).ready


@pytest.mark.parametrize(
    ("fields", "ready"),
    [
        ({"name": "m"}, True),
        ({"name": "m", "version": "2"}, True),
        ({"name": "m", "version": "9"}, False),
        ({"name": "bad"}, False),
        ({"name": "unknown"}, False),
    ],
)
async def test_a_model_is_ready_or_not_but_no_error(
    serve: Serve, spec: SpecOf, fields: dict[str, str], *, ready: bool
) -> None:
    models = (spec("Pair"), spec("Raises", "bad", options={"load": "load"}))
    async with serve(*models, grpc_port=0) as (server, _), asking(server) as ask:
        assert (await ask("ModelReady", **fields)).ready is ready


async def test_the_server_says_the_same_as_over_http(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, client),
        asking(server) as ask,
    ):
        told = (await client.get("/v2")).json()
        answer = await ask("ServerMetadata")
        assert (answer.name, answer.version) == (told["name"], told["version"])
        assert list(answer.extensions) == told["extensions"]
        told = (await client.get("/v2/models/m")).json()
        answer = await ask("ModelMetadata", name="m")
    assert (answer.name, answer.platform) == (told["name"], told["platform"])
    assert list(answer.versions) == told["versions"]
    for kind in ("inputs", "outputs"):
        found = [
            {"name": one.name, "datatype": one.datatype, "shape": list(one.shape)}
            for one in getattr(answer, kind)
        ]
        assert found == told[kind]


async def test_the_configuration_has_names_types_and_shapes(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Pair"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        config = (await ask("ModelConfig", name="m")).config
    assert [(one.name, one.data_type, list(one.dims)) for one in config.input] == [
        ("text", 13, [-1]),
        ("size", 8, [-1, 1]),
    ]
    assert list(config.version_policy.specific.versions) == [1, 2]
    assert not config.model_transaction_policy.decoupled


async def test_a_model_that_streams_is_decoupled(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Counter"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        config = (await ask("ModelConfig", name="m")).config
    assert config.model_transaction_policy.decoupled


async def test_statistics_rise_by_the_rows_of_a_request(
    serve: Serve, spec: SpecOf
) -> None:
    models = (spec("Echo"), spec("Iris", "iris"))
    async with serve(*models, grpc_port=0) as (server, _), asking(server) as ask:
        for _ in range(2):
            await ask.infer(tensor(shape=[3, 1]), raw_input_contents=[bytes(12)])
        stats = (await ask("ModelStatistics", name="m")).model_stats
        assert [one.name for one in stats] == ["m"]
        assert (stats[0].inference_count, stats[0].execution_count) == (6, 2)
        assert stats[0].inference_stats.success.count == 2
        assert stats[0].inference_stats.success.ns > 0
        assert stats[0].batch_stats[0].batch_size == 3
        assert stats[0].last_inference > 0
        everything = (await ask("ModelStatistics")).model_stats
    assert [one.name for one in everything] == ["iris", "m"]


@pytest.mark.parametrize("rpc", ["ModelMetadata", "ModelConfig", "ModelStatistics"])
async def test_an_unknown_model_or_version_is_not_found(
    serve: Serve, spec: SpecOf, rpc: str
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        for fields in ({"name": "no"}, {"name": "m", "version": "7"}):
            error = await ask.refusal(rpc, **fields)
            assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_what_is_no_message_is_the_clients_error(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        call = ask.channel.unary_unary("/inference.GRPCInferenceService/ModelReady")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"\xff", timeout=5)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the message is no ModelReadyRequest"
