"""Messages that are wrong: INVALID_ARGUMENT, NOT_FOUND, and nothing else happens."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from conformance import encodings, tensors
from tritonclient.grpc import service_pb2

from inferry.testing.protocol import clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.testing.protocol import Served

MB = 2**20
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def good(*, raw: bool = True) -> Any:
    return clients.message(encodings.MODEL, [tensors.sample("FP32", (1, 2))], raw=raw)


def changed(change: Callable[[Any], object], *, raw: bool = True) -> Any:
    request = good(raw=raw)
    change(request)
    return request


def _shape(*shape: int, raw: bool = True) -> Any:
    def change(request: Any) -> None:
        del request.inputs[0].shape[:]
        request.inputs[0].shape.extend(shape)

    return changed(change, raw=raw)


def _parameters(**given: Any) -> Any:
    def change(request: Any) -> None:
        del request.raw_input_contents[:]
        for key, value in given.items():
            field = "string_param" if isinstance(value, str) else "int64_param"
            setattr(request.inputs[0].parameters[key], field, value)

    return changed(change)


def _extend(request: Any, *raw: bytes) -> None:
    request.raw_input_contents.extend(raw)


def _set(request: Any, name: str, value: Any) -> None:
    setattr(request.inputs[0], name, value)


WRONG: dict[str, Any] = {
    "no inputs": service_pb2.ModelInferRequest(model_name=encodings.MODEL),
    "no contents": changed(lambda r: r.ClearField("raw_input_contents")),
    "raw contents beside typed ones": changed(
        lambda r: r.inputs[0].contents.fp32_contents.extend([1.0, 2.0])
    ),
    "more raw contents than inputs": changed(lambda r: _extend(r, b"")),
    "too many bytes": changed(lambda r: _extend(r, r.raw_input_contents.pop() + b"\0")),
    "too few bytes": changed(lambda r: _extend(r, r.raw_input_contents.pop()[:-1])),
    "no name": changed(lambda r: _set(r, "name", "")),
    "no datatype": changed(lambda r: _set(r, "datatype", "")),
    "an unknown datatype": changed(lambda r: _set(r, "datatype", "FP128")),
    "an input twice": changed(
        lambda r: (r.inputs.append(r.inputs[0]), _extend(r, r.raw_input_contents[0]))
    ),
    "an unknown output": changed(lambda r: r.outputs.add(name="zz")),
    "an output twice": changed(
        lambda r: (r.outputs.add(name="x"), r.outputs.add(name="x"))
    ),
    "an output without a name": changed(lambda r: r.outputs.add()),
    "a negative dimension": _shape(-1, 2),
    "a shape that does not fit": _shape(3, 2),
    "a huge shape": _shape(2**40),
    "a shape whose product overflows": _shape(2**62, 2, 2),
    "a huge shape of nothing": _shape(0, 2**62, 2**62),
    "a thousand dimensions": _shape(*[1] * 1000, 2),
    "typed: too few elements": _shape(2, 2, raw=False),
    "typed: too many elements": _shape(1, 1, raw=False),
    "typed: another field": changed(
        lambda r: (
            r.inputs[0].contents.Clear(),
            r.inputs[0].contents.int_contents.extend([1, 2]),
        ),
        raw=False,
    ),
    "typed: past the limit of INT8": changed(
        lambda r: (
            _set(r, "datatype", "INT8"),
            r.inputs[0].contents.Clear(),
            r.inputs[0].contents.int_contents.extend([128, 0]),
        ),
        raw=False,
    ),
    "typed: below the limit of INT16": changed(
        lambda r: (
            _set(r, "datatype", "INT16"),
            r.inputs[0].contents.Clear(),
            r.inputs[0].contents.int_contents.extend([-40000, 0]),
        ),
        raw=False,
    ),
    "typed: past the limit of UINT8": changed(
        lambda r: (
            _set(r, "datatype", "UINT8"),
            r.inputs[0].contents.Clear(),
            r.inputs[0].contents.uint_contents.extend([256, 0]),
        ),
        raw=False,
    ),
    "BYTES whose length is past the end": changed(
        lambda r: (
            _set(r, "datatype", "BYTES"),
            _extend(r, b"\xff\xff\xff\x7f" + r.raw_input_contents.pop()),
        )
    ),
    "shared memory that nobody registered": _parameters(
        shared_memory_region="nobody", shared_memory_byte_size=8
    ),
    "shared memory without a size": _parameters(shared_memory_region="nobody"),
}


def code(served: Served, method: str, request: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        clients.call(served, method, request)
    assert caught.value.details()
    assert "Traceback" not in caught.value.details()
    found: grpc.StatusCode = caught.value.code()
    return found


def _send_all(served: Served) -> None:
    for request in WRONG.values():
        with contextlib.suppress(grpc.RpcError):
            clients.call(served, "ModelInfer", request)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_kept(echo: Served) -> Any:
    """Neither refusals nor the memory that they took are left in the server."""
    _send_all(echo)
    before = echo.memory
    yield
    for _ in range(10):
        _send_all(echo)
    grown = echo.memory - before
    assert grown < 48 * MB, f"{grown / MB:.1f} MB"
    assert clients.call(echo, "ModelInfer", good()).outputs


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_messages(echo: Served, name: str) -> None:
    assert code(echo, "ModelInfer", WRONG[name]) == INVALID


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_messages_on_a_stream(echo: Served, name: str) -> None:
    answers = clients.stream(echo, [WRONG[name], good()])
    assert [bool(answer.error_message) for answer in answers] == [True, False]


@pytest.mark.parametrize(
    ("method", "request_type", "field"),
    [
        ("ModelInfer", service_pb2.ModelInferRequest, "model_name"),
        ("ModelMetadata", service_pb2.ModelMetadataRequest, "name"),
        ("ModelConfig", service_pb2.ModelConfigRequest, "name"),
        ("ModelStatistics", service_pb2.ModelStatisticsRequest, "name"),
    ],
)
def test_unknown_models_are_not_found(
    echo: Served, method: str, request_type: Any, field: str
) -> None:
    found = code(echo, method, request_type(**{field: "nobody"}))
    assert found == grpc.StatusCode.NOT_FOUND


def test_unknown_versions_are_not_found(echo: Served) -> None:
    request = good()
    request.model_version = "9"
    assert code(echo, "ModelInfer", request) == grpc.StatusCode.NOT_FOUND
    asked = service_pb2.ModelMetadataRequest(name=encodings.MODEL, version="9")
    assert code(echo, "ModelMetadata", asked) == grpc.StatusCode.NOT_FOUND


def test_bytes_that_are_no_message_end_the_call_only(echo: Served) -> None:
    path = "/inference.GRPCInferenceService/ModelInfer"
    for rubbish in (b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", b"\0"):
        with pytest.raises(grpc.RpcError) as caught:
            clients.unary(echo, path, rubbish)
        assert caught.value.code() in {INVALID, grpc.StatusCode.INTERNAL}
    assert clients.call(echo, "ModelInfer", good()).outputs


def test_unknown_methods_are_unimplemented(echo: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        clients.unary(echo, "/inference.GRPCInferenceService/Nothing", b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_errors_of_the_model_are_internal_without_its_secrets(echo: Served) -> None:
    request = good()
    request.parameters["fail"].string_param = "ValueError"
    with pytest.raises(grpc.RpcError) as caught:
        clients.call(echo, "ModelInfer", request)
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert "secret-of-the-model" not in caught.value.details()


def test_what_the_model_says_of_an_input_is_passed_on(echo: Served) -> None:
    request = good()
    request.parameters["fail"].string_param = "InvalidInput"
    with pytest.raises(grpc.RpcError) as caught:
        clients.call(echo, "ModelInfer", request)
    assert caught.value.code() == INVALID
    assert "as asked" in caught.value.details()


def test_a_message_past_the_limit_is_exhausted(echo: Served) -> None:
    before = echo.memory
    request = good()
    del request.raw_input_contents[:]
    request.raw_input_contents.append(b"\0" * (65 * MB))
    assert code(echo, "ModelInfer", request) == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert echo.memory - before < 32 * MB


def test_a_message_of_60_megabytes_is_taken(echo: Served) -> None:
    size = 60 * MB
    request = clients.message(encodings.MODEL, [], raw=True)
    request.inputs.add(name="x", datatype="UINT8", shape=[size])
    request.raw_input_contents.append(b"\1" * size)
    answer = clients.call(echo, "ModelInfer", request)
    assert len(answer.raw_output_contents[0]) == size
