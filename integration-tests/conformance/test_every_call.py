"""Every call that tritonclient has, of each of its kinds, and what gRPC has besides."""

from __future__ import annotations

import importlib
import queue
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from conformance import tensors
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from inferry.testing.protocol import clients

if TYPE_CHECKING:
    from inferry.testing.protocol import Served

each_kind = pytest.mark.parametrize("kind", clients.KINDS)
ONE = tensors.sample("FP32", (1, 2))


@each_kind
def test_trace_settings_are_read_and_changed(echo: Served, kind: str) -> None:
    levels = {"trace_level": ["TIMESTAMPS"], "trace_rate": "7"}
    clients.ask(kind, echo, "update_trace_settings", "echo", settings=levels)
    assert _trace(kind, echo, "echo")["trace_rate"] == ["7"]
    cleared = {"trace_level": None, "trace_rate": None}
    clients.ask(kind, echo, "update_trace_settings", "echo", settings=cleared)
    assert _trace(kind, echo, "echo") == _trace(kind, echo, None)


@each_kind
def test_log_settings_are_read_and_changed(echo: Served, kind: str) -> None:
    before = _log(kind, echo)
    try:
        changed = {"log_verbose_level": 1}
        clients.ask(kind, echo, "update_log_settings", changed)
        assert _log(kind, echo)["log_verbose_level"] == 1
    finally:
        level = {"log_verbose_level": before["log_verbose_level"]}
        clients.ask(kind, echo, "update_log_settings", level)
    assert _log(kind, echo) == before


@each_kind
def test_statistics_of_all_models_and_of_a_version(echo: Served, kind: str) -> None:
    for arguments in ((), ("echo",), ("echo", "1")):
        told = clients.ask(kind, echo, "get_inference_statistics", *arguments)
        models = told["model_stats"] if isinstance(told, dict) else told.model_stats
        assert len(models) == 1


@each_kind
def test_cuda_memory_is_refused_and_its_list_is_empty(echo: Served, kind: str) -> None:
    told = clients.ask(kind, echo, "get_cuda_shared_memory_status")
    assert not (told if isinstance(told, list) else told.regions)
    clients.ask(kind, echo, "unregister_cuda_shared_memory")
    with pytest.raises(InferenceServerException):
        clients.ask(kind, echo, "register_cuda_shared_memory", "x", b"\0" * 64, 0, 64)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_a_client_that_asks_twice_at_once_is_answered_twice(
    echo: Served, kind: str
) -> None:
    module = importlib.import_module(f"tritonclient.{kind}")
    given = module.InferInput("x", [1, 2], "FP32")
    given.set_data_from_numpy(ONE.data)
    address = echo.http if kind == "http" else echo.grpc
    with module.InferenceServerClient(address) as client:
        if kind == "http":
            asked = [client.async_infer("echo", [given]) for _ in range(4)]
            answers = [each.get_result() for each in asked]
        else:
            got: queue.Queue[Any] = queue.Queue()
            for _ in range(4):
                client.async_infer(
                    "echo", [given], lambda result, error: got.put((result, error))
                )
            pairs = [got.get(timeout=10) for _ in range(4)]
            assert [error for _, error in pairs] == [None] * 4
            answers = [result for result, _ in pairs]
    assert all((each.as_numpy("x") == ONE.data).all() for each in answers)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("kind", ["grpc", "grpc.aio"])
def test_grpc_messages_may_be_compressed(
    echo: Served, kind: str, algorithm: str
) -> None:
    answer = clients.infer(kind, echo, "echo", [ONE], compression_algorithm=algorithm)
    assert (answer.as_numpy("x") == ONE.data).all()


def test_health_names_its_services(echo: Served) -> None:
    path = "/grpc.health.v1.Health/Check"
    for service in (b"", b"inference.GRPCInferenceService"):
        request = b"\x0a" + bytes([len(service)]) + service if service else b""
        assert clients.unary(echo, path, request) == b"\x08\x01"
    with pytest.raises(grpc.RpcError) as caught:
        clients.unary(echo, path, b"\x0a\x06nobody")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_the_services(echo: Served, version: str) -> None:
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    with grpc.insecure_channel(echo.grpc) as channel:
        # ServerReflectionRequest { list_services: "" }
        answers = channel.stream_stream(path)(iter([b"\x3a\x00"]), timeout=10)
        (answer,) = list(answers)
    assert b"inference.GRPCInferenceService" in answer
    assert b"grpc.health.v1.Health" in answer


def test_every_method_of_the_service_is_there(echo: Served) -> None:
    """Whatever a method says to an empty message, it does not say UNIMPLEMENTED."""
    service = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert len(service.methods) >= 20
    missing = []
    for method in service.methods:
        if method.name == "ModelStreamInfer":
            continue
        path = f"/{service.full_name}/{method.name}"
        try:
            clients.unary(echo, path, b"")
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                missing.append((method.name, error.details()))
    # Memory of a GPU needs one; the method says so.
    assert [name for name, _ in missing] in ([], ["CudaSharedMemoryRegister"])
    assert all("not found" not in said.lower() for _, said in missing)


def test_reading_is_open_where_changing_is_not(typed: Served) -> None:
    for kind in clients.KINDS:
        assert _trace(kind, typed, None)
        assert _log(kind, typed)
        with pytest.raises(InferenceServerException) as caught:
            clients.ask(kind, typed, "update_log_settings", {"log_verbose_level": 1})
        assert caught.value.status() in {"403", "StatusCode.PERMISSION_DENIED"}


def _trace(kind: str, served: Served, model: str | None) -> dict[str, Any]:
    told = clients.ask(kind, served, "get_trace_settings", model)
    if isinstance(told, dict):
        return {
            key: value if isinstance(value, list) else [value]
            for key, value in told.items()
        }
    return {key: list(each.value) for key, each in told.settings.items()}


def _log(kind: str, served: Served) -> dict[str, Any]:
    told = clients.ask(kind, served, "get_log_settings")
    if isinstance(told, dict):
        return told
    found = {}
    for key, each in told.settings.items():
        found[key] = getattr(each, each.WhichOneof("parameter_choice"))
    return found
