"""The health service of gRPC."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from asking import SERVICE, Asking, asking

from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from serving import Serve, SpecOf

PACKAGE = "grpc.health.v1"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def asked(service: str) -> Any:
    return message("HealthCheckRequest", PACKAGE)(service=service)


async def check(ask: Asking, service: str) -> int:
    call = ask.channel.unary_unary(
        f"/{PACKAGE}.Health/Check",
        response_deserializer=message("HealthCheckResponse", PACKAGE).FromString,
    )
    answer = await call(asked(service).SerializeToString(), timeout=5)
    return int(answer.status)


def watch(ask: Asking, service: str) -> Any:
    return ask.channel.unary_stream(
        f"/{PACKAGE}.Health/Watch",
        response_deserializer=message("HealthCheckResponse", PACKAGE).FromString,
    )(asked(service).SerializeToString())


@pytest.mark.parametrize(
    ("service", "status"),
    # A model that failed takes neither the server nor the others out.
    [("", SERVING), (SERVICE, SERVING), ("m", SERVING), ("bad", NOT_SERVING)],
)
async def test_the_server_the_service_and_each_model_have_a_health(
    serve: Serve, spec: SpecOf, service: str, status: int
) -> None:
    models = (spec("Iris"), spec("Raises", "bad", options={"load": "load"}))
    async with serve(*models, grpc_port=0) as (server, _), asking(server) as ask:
        assert await check(ask, service) == status


async def test_the_server_serves_once_its_models_do(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        assert await check(ask, "") == SERVING
        assert await check(ask, SERVICE) == SERVING


async def test_what_is_unknown_is_not_found(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await check(ask, "no")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_all_are_listed(serve: Serve, spec: SpecOf) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        call = ask.channel.unary_unary(
            f"/{PACKAGE}.Health/List",
            response_deserializer=message("HealthListResponse", PACKAGE).FromString,
        )
        statuses = (await call(b"", timeout=5)).statuses
    assert {name: one.status for name, one in statuses.items()} == {
        "": SERVING,
        SERVICE: SERVING,
        "m": SERVING,
    }


async def test_a_watch_is_told_of_each_change(serve: Serve, spec: SpecOf) -> None:
    async with serve(grpc_port=0) as (server, _), asking(server) as ask:
        async with asyncio.timeout(10):
            model, everything = watch(ask, "m"), watch(ask, "")
            assert (await model.read()).status == SERVICE_UNKNOWN
            assert (await everything.read()).status == NOT_SERVING
            await server.load(spec("SlowLoad", options={"load_seconds": 0.2}))
            assert (await model.read()).status == NOT_SERVING
            assert (await model.read()).status == SERVING
            assert (await everything.read()).status == SERVING


async def test_a_server_that_drains_says_so_and_ends_the_watch(
    serve: Serve, spec: SpecOf
) -> None:
    settings = {"grpc_port": 0, "drain_delay": 0.3}
    async with serve(spec("Iris"), **settings) as (server, _), asking(server) as ask:
        async with asyncio.timeout(10):
            watched = watch(ask, "")
            assert (await watched.read()).status == SERVING
            draining = asyncio.create_task(server.drain())
            assert (await watched.read()).status == NOT_SERVING
            assert await check(ask, "m") == NOT_SERVING
            await draining
            assert await watched.read() == grpc.aio.EOF


async def test_a_watch_of_what_is_no_message_is_refused(
    serve: Serve, spec: SpecOf
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        stream = ask.channel.unary_stream(f"/{PACKAGE}.Health/Watch")(b"\xff")
        assert await stream.code() == grpc.StatusCode.INVALID_ARGUMENT
