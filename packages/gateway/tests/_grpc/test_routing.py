"""Who answers a gRPC call: by authority, metadata, model, or the gateway itself."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode

from inferry_gateway._grpc.messages import text

HEALTH = "/grpc.health.v1.Health/"


async def two(calls: Any, **own: Any) -> tuple[Any, Any]:
    """Serve ``default/iris`` and ``default/rose``; this one has a model ``thorn``."""
    iris, rose = await calls.replica(), await calls.replica()
    await calls.world.start(
        calls.service(iris),
        calls.service(rose, name="rose", models=("iris", "thorn")),
        **own,
    )
    return iris, rose


async def test_the_model_decides(calls: Any) -> None:
    _, rose = await two(calls)
    await calls.infer(calls.channel(), "thorn")
    assert rose.started == 1


async def test_the_authority_comes_first(calls: Any) -> None:
    iris, rose = await two(calls)
    channel = calls.channel(authority="iris-default.example.com:8080")
    await calls.infer(channel, "thorn", metadata=(("inferry-service", "default/rose"),))
    assert (iris.started, rose.started) == (1, 0)


async def test_the_metadata_names_a_service(calls: Any) -> None:
    iris, rose = await two(calls)
    named = (("inferry-service", "default/iris"),)
    await calls.infer(calls.channel(), "thorn", metadata=named)
    assert (iris.started, rose.started) == (1, 0)


async def test_a_model_of_two_services_is_refused_with_both_names(calls: Any) -> None:
    await two(calls)
    error = await calls.error(calls.infer(calls.channel(), "iris"))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert error.details() == (
        "model 'iris' belongs to default/iris and default/rose: say which one by the "
        "metadata 'inferry-service: default/iris' or by the authority "
        "iris-default.example.com"
    )


async def test_an_unknown_model_is_not_found(calls: Any) -> None:
    await two(calls)
    error = await calls.error(calls.infer(calls.channel(), "thron"))
    assert error.code() is StatusCode.NOT_FOUND
    assert error.details().startswith("no model named 'thron', did you mean 'thorn'?")
    named = (("inferry-service", "default/daisy"),)
    error = await calls.error(calls.infer(calls.channel(), metadata=named))
    assert (error.code(), error.details()[:30]) == (
        StatusCode.NOT_FOUND,
        "no service named 'default/dais",
    )


async def test_before_anything_is_declared_a_call_is_to_be_repeated(calls: Any) -> None:
    await calls.world.start()
    calls.world.gateway.declared = False
    error = await calls.error(calls.infer(calls.channel()))
    assert error.code() is StatusCode.UNAVAILABLE
    assert tuple(error.trailing_metadata()) == (("retry-after", "1"),)


async def test_what_is_no_message_is_an_invalid_argument(calls: Any) -> None:
    await two(calls)
    method = "/inference.GRPCInferenceService/ModelInfer"
    error = await calls.error(calls.channel().unary_unary(method)(b"\xff\xff"))
    assert error.code() is StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("number", [1, 2])
async def test_a_repository_request_of_triton_or_kserve_finds_its_model(
    calls: Any, number: int
) -> None:
    _, rose = await two(calls)
    method = "/inference.GRPCInferenceService/RepositoryModelLoad"
    await calls.channel().unary_unary(method)(text(number, "thorn"))
    assert rose.methods == [method]


async def test_a_method_that_nobody_knows_reaches_the_service_that_is_named(
    calls: Any,
) -> None:
    iris, _ = await two(calls)
    channel = calls.channel(authority="iris-default.example.com")
    assert await channel.unary_unary("/acme.Own/Method")(b"any") == b"any"
    assert iris.methods == ["/acme.Own/Method"]
    error = await calls.error(calls.channel().unary_unary("/acme.Own/Method")(b""))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "inferry-service: NAMESPACE/NAME" in error.details()


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_is_answered_by_any_service(calls: Any, version: str) -> None:
    replica = await calls.replica()
    await calls.world.start(
        calls.service(name="zero", models=()), calls.service(replica)
    )
    method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    await calls.channel().unary_unary(method)(b"x", timeout=10)
    assert replica.methods == [method]


async def ask(calls: Any, method: str, message: bytes = b"") -> bytes:
    name = method if "/" in method else f"/inference.GRPCInferenceService/{method}"
    answer: bytes = await calls.channel().unary_unary(name)(message, timeout=10)
    return answer


async def test_the_gateway_answers_for_all_of_them(calls: Any) -> None:
    iris, rose = await two(calls)
    assert await ask(calls, "ServerLive") == b"\x08\x01"
    assert await ask(calls, "ServerReady") == b"\x08\x01"
    metadata = await ask(calls, "ServerMetadata")
    assert b"inferry-gateway" in metadata
    assert b"binary_tensor_data" in metadata
    assert await ask(calls, "ModelReady", text(1, "nobody")) == b""
    index = await ask(calls, "RepositoryIndex")
    assert (index.count(b"READY"), index.count(b"thorn")) == (3, 1)
    assert await ask(calls, f"{HEALTH}Check") == b"\x08\x01"
    assert (iris.started, rose.started) == (0, 0)


async def test_a_service_at_zero_is_not_ready_and_somebody_learns_of_it(
    calls: Any,
) -> None:
    await calls.serve()
    assert await ask(calls, "ServerReady") == b""
    assert await ask(calls, f"{HEALTH}Check") == b"\x08\x02"
    assert await ask(calls, f"{HEALTH}Check", text(1, "iris")) == b"\x08\x02"
    assert calls.world.events == []
    assert await ask(calls, "ModelReady", text(1, "iris")) == b""
    assert [event.kind for event in calls.world.events] == ["held"]


async def test_health_is_asked_by_model_and_by_service(calls: Any) -> None:
    await calls.serve(await calls.replica())
    for name in ("iris", "default/iris", "inference.GRPCInferenceService"):
        assert await ask(calls, f"{HEALTH}Check", text(1, name)) == b"\x08\x01"
    error = await calls.error(
        calls.channel().unary_unary(f"{HEALTH}Check")(text(1, "daisy"))
    )
    assert error.code() is StatusCode.NOT_FOUND


async def test_a_watch_tells_when_health_changes(calls: Any) -> None:
    gateway = await calls.serve()
    watch = calls.channel().unary_stream(f"{HEALTH}Watch")(b"", timeout=10)
    assert await watch.read() == b"\x08\x02"
    gateway.update([calls.service(await calls.replica())])
    assert await watch.read() == b"\x08\x01"
    watch.cancel()
