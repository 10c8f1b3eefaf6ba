"""Loading and unloading over gRPC, where it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from asking import asking, typed

if TYPE_CHECKING:
    from serving import Serve, SpecOf

OPEN = {"grpc_port": 0, "allow_management": True}
#: As Triton's client writes a model's name, and as KServe's does.
NAMES = [{"model_name": "m"}, {"repository_name": "m"}]


@pytest.mark.parametrize("name", NAMES)
async def test_a_model_is_unloaded_and_loaded_again(
    serve: Serve, spec: SpecOf, name: dict[str, str]
) -> None:
    async with serve(spec("Echo"), **OPEN) as (server, _), asking(server) as ask:
        answer = await ask("RepositoryModelUnload", **name)
        assert (answer.model_name, answer.isUnloaded) == ("m", True)
        assert not (await ask("ModelReady", name="m")).ready
        answer = await ask("RepositoryModelLoad", **name)
        assert (answer.model_name, answer.isLoaded) == ("m", True)
        assert (await ask.infer(typed([1]))).model_name == "m"


async def test_the_index_has_each_model_with_its_state(
    serve: Serve, spec: SpecOf
) -> None:
    models = (spec("Iris"), spec("Raises", "bad", options={"load": "load"}))
    async with serve(*models, **OPEN) as (server, _), asking(server) as ask:
        index = (await ask("RepositoryIndex")).models
        assert [(one.name, one.state) for one in index] == [
            ("bad", "UNAVAILABLE"),
            ("m", "READY"),
        ]
        assert "bad magic" in index[0].reason
        index = (await ask("RepositoryIndex", ready=True)).models
    assert [(one.name, one.version) for one in index] == [("m", "1")]


@pytest.mark.parametrize("rpc", ["RepositoryModelLoad", "RepositoryModelUnload"])
async def test_what_is_not_open_is_refused(
    serve: Serve, spec: SpecOf, rpc: str
) -> None:
    async with (
        serve(spec("Iris"), grpc_port=0) as (server, _),
        asking(server) as ask,
    ):
        error = await ask.refusal(rpc, model_name="m")
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        assert "--allow_management" in error.details()
        assert (await ask("ModelReady", name="m")).ready


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model_name": "no"}, grpc.StatusCode.NOT_FOUND),
        (
            {"model_name": "m", "parameters": {"a": {"int64_param": 1}}},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            {"model_name": "m", "parameters": {"config": {}}},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        (
            {
                "model_name": "m",
                "parameters": {
                    "config": {"string_param": "{}"},
                    "file:1/model.bin": {"bytes_param": b"a"},
                },
            },
            grpc.StatusCode.PERMISSION_DENIED,
        ),
        ({"model_name": "bad"}, grpc.StatusCode.INTERNAL),
    ],
)
async def test_a_load_that_cannot_be_is_refused(
    serve: Serve, spec: SpecOf, fields: dict[str, Any], code: grpc.StatusCode
) -> None:
    models = (spec("Iris"), spec("Raises", "bad", options={"load": "load"}))
    async with serve(*models, **OPEN) as (server, _), asking(server) as ask:
        error = await ask.refusal("RepositoryModelLoad", **fields)
    assert error.code() == code
