"""tritonclient in its four kinds, called the same way; gRPC messages by hand."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import warnings
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from inferry.model import Tensor
from inferry.testing.protocol import wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inferry.testing.protocol._served import Served

KINDS = ("http", "http.aio", "grpc", "grpc.aio")
#: V2 datatype -> the field of ``InferTensorContents`` that holds it.
CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_UNLIMITED = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


def ask(kind: str, served: Served, method: str, *args: Any, **rest: Any) -> Any:  # noqa: ANN401 - any method
    """Call *method* of a new tritonclient of *kind* and return its result."""
    module = importlib.import_module(f"tritonclient.{kind}")
    address = served.http if kind.startswith("http") else served.grpc
    if kind.endswith("aio"):
        with _forgetful_responses(method):
            return asyncio.run(_ask(module, address, method, *args, **rest))
    with module.InferenceServerClient(address) as client:
        return getattr(client, method)(*args, **rest)


def infer(
    kind: str,
    served: Served,
    model: str,
    inputs: Sequence[Tensor],
    *,
    binary: bool = True,
    outputs: Mapping[str, bool] | None = None,
    **rest: Any,  # noqa: ANN401 - as for InferenceServerClient.infer
) -> Any:  # noqa: ANN401 - the client's result
    """Ask for *inputs*; *outputs* are the names wanted and whether as binary."""
    module = importlib.import_module(f"tritonclient.{kind.partition('.')[0]}")
    http = kind.startswith("http")
    given = []
    for tensor in inputs:
        made = module.InferInput(tensor.name, list(tensor.data.shape), tensor.datatype)
        how = {"binary_data": binary} if http else {}
        made.set_data_from_numpy(tensor.data, **how)
        given.append(made)
    wanted = None
    if outputs is not None:
        wanted = [
            module.InferRequestedOutput(
                name, **({"binary_data": asked} if http else {})
            )
            for name, asked in outputs.items()
        ]
    return ask(kind, served, "infer", model, given, outputs=wanted, **rest)


def message(
    model: str,
    inputs: Sequence[Tensor],
    *,
    raw: bool,
    outputs: Sequence[str] = (),
    **rest: Any,  # noqa: ANN401 - further fields of the message
) -> Any:  # noqa: ANN401 - a message of protobuf
    """Return a ``ModelInferRequest`` with raw or with typed contents."""
    request = service_pb2.ModelInferRequest(model_name=model, **rest)
    for tensor in inputs:
        made = request.inputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.data.shape
        )
        if raw:
            request.raw_input_contents.append(wire.to_raw(tensor))
        else:
            values = tensor.data.reshape(-1).tolist()
            getattr(made.contents, CONTENTS[tensor.datatype]).extend(values)
    for name in outputs:
        request.outputs.add(name=name)
    return request


def tensors(response: Any) -> dict[str, Tensor]:  # noqa: ANN401 - a message of protobuf
    """Return the outputs of a ``ModelInferResponse``, raw or typed."""
    found = {}
    for index, told in enumerate(response.outputs):
        shape = list(told.shape)
        if response.raw_output_contents:
            raw = response.raw_output_contents[index]
            data = wire.from_raw(raw, told.datatype, shape)
        else:
            values = list(getattr(told.contents, CONTENTS[told.datatype]))
            if told.datatype == "BYTES":
                data = wire.objects(values, shape)
            else:
                data = np.array(values, wire.dtype_of(told.datatype)).reshape(shape)
        found[told.name] = Tensor(name=told.name, datatype=told.datatype, data=data)
    return found


def call(served: Served, method: str, request: Any, **rest: Any) -> Any:  # noqa: ANN401 - any method
    """Call *method* of the inference service with the message *request*."""
    with grpc.insecure_channel(served.grpc, options=_UNLIMITED) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        return getattr(stub, method)(request, **{"timeout": 30, **rest})


def stream(served: Served, requests: Sequence[Any], **rest: Any) -> list[Any]:  # noqa: ANN401 - as call
    """Send *requests* on one stream and return everything that came back."""

    def sent() -> Iterator[Any]:
        yield from requests

    with grpc.insecure_channel(served.grpc, options=_UNLIMITED) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        return list(stub.ModelStreamInfer(sent(), **{"timeout": 30, **rest}))


def unary(served: Served, path: str, request: bytes) -> bytes:
    """Call any method by its *path* with bytes as they are."""
    with grpc.insecure_channel(served.grpc) as channel:
        call: Any = channel.unary_unary(path)
        given: bytes = call(request, timeout=30)
        return given


@contextlib.contextmanager
def _forgetful_responses(method: str) -> Iterator[None]:
    """Silence what the http.aio kind is warned of, and not the test that comes next.

    It leaves responses open whose body it does not read, all but those of ``infer``
    and ``get_...``, and gives large bodies to aiohttp in one piece.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            if not method.startswith(("get_", "infer")):
                gc.collect()


async def _ask(
    module: Any,  # noqa: ANN401 - a module of tritonclient
    address: str,
    method: str,
    *args: Any,  # noqa: ANN401 - any method
    **rest: Any,  # noqa: ANN401 - any method
) -> Any:  # noqa: ANN401 - any method
    async with module.InferenceServerClient(address) as client:
        return await getattr(client, method)(*args, **rest)
