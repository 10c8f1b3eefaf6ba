"""Every way in which tensors travel to a model and back."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any

import tritonclient.utils.shared_memory as shm
from tritonclient.grpc import service_pb2

from inferry.model import Tensor
from inferry.testing.protocol import clients, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inferry.testing.protocol import Served

    RoundTrip = Callable[[Served, Sequence[Tensor]], dict[str, Tensor]]

MODEL = "echo"
INFER = f"/v2/models/{MODEL}/infer"


def http(
    served: Served, inputs: Sequence[Tensor], *, sent: bool, got: bool
) -> dict[str, Tensor]:
    """Send *inputs* over HTTP, binary or JSON, and get them binary or JSON."""
    body = wire.body(inputs, binary=sent, parameters={"binary_data_output": got})
    answer = wire.read(
        served.request("POST", INFER, content=body.content, headers=body.headers)
    )
    assert answer.status == 200, answer.document
    assert bool(answer.binary) is got
    return dict(answer.outputs)


def rpc(served: Served, inputs: Sequence[Tensor], *, raw: bool) -> dict[str, Tensor]:
    """Send *inputs* over gRPC with raw or typed contents."""
    request = clients.message(MODEL, inputs, raw=raw)
    return clients.tensors(clients.call(served, "ModelInfer", request))


def stream(served: Served, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Send *inputs* on a stream of gRPC."""
    (answer,) = clients.stream(served, [clients.message(MODEL, inputs, raw=True)])
    assert not answer.error_message
    return clients.tensors(answer.infer_response)


def client(kind: str, served: Served, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Send *inputs* with a tritonclient, as its defaults are."""
    answer = clients.infer(kind, served, MODEL, inputs)
    return {
        tensor.name: Tensor(
            name=tensor.name,
            datatype=tensor.datatype,
            data=answer.as_numpy(tensor.name),
        )
        for tensor in inputs
    }


def http_memory(served: Served, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Pass *inputs* and the outputs through shared memory; HTTP only names it."""
    with regions(served, inputs) as (given, taken):
        document = {
            "inputs": [
                {
                    "name": tensor.name,
                    "datatype": tensor.datatype,
                    "shape": list(tensor.data.shape),
                    "parameters": given[tensor.name],
                }
                for tensor in inputs
            ],
            "outputs": [
                {"name": name, "parameters": place} for name, place in taken.items()
            ],
        }
        response = served.request("POST", INFER, json=document)
        assert response.status_code == 200, response.text
        told = {each["name"]: each for each in response.json()["outputs"]}
        assert not any("data" in each for each in told.values())
        return {
            name: _from_memory(
                name, each["datatype"], each["shape"], each["parameters"]
            )
            for name, each in told.items()
        }


def rpc_memory(served: Served, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Pass *inputs* and the outputs through shared memory; gRPC only names it."""
    with regions(served, inputs) as (given, taken):
        request = service_pb2.ModelInferRequest(model_name=MODEL)
        for tensor in inputs:
            made = request.inputs.add(
                name=tensor.name, datatype=tensor.datatype, shape=tensor.data.shape
            )
            _set(made.parameters, given[tensor.name])
        for name, place in taken.items():
            _set(request.outputs.add(name=name).parameters, place)
        answer = clients.call(served, "ModelInfer", request)
        return {
            told.name: _from_memory(
                told.name,
                told.datatype,
                list(told.shape),
                {
                    key: value.string_param or value.int64_param
                    for key, value in told.parameters.items()
                },
            )
            for told in answer.outputs
        }


_HELD: dict[str, Any] = {}


@contextlib.contextmanager
def regions(
    served: Served, inputs: Sequence[Tensor]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Write *inputs* into one region, make room for outputs in another, register both.

    Gives the parameters that place each input and each output.
    """
    raw = {tensor.name: wire.to_raw(tensor) for tensor in inputs}
    size = max(1, sum(map(len, raw.values())))
    names = [f"conformance-{uuid.uuid4().hex}" for _ in range(2)]
    for name in names:
        _HELD[name] = shm.create_shared_memory_region(name, f"/{name}", size)
        clients.ask(
            "http", served, "register_system_shared_memory", name, f"/{name}", size
        )
    places: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    at = 0
    for key, data in raw.items():
        for name, found in zip(names, places, strict=True):
            found[key] = {
                "shared_memory_region": name,
                "shared_memory_byte_size": len(data),
                "shared_memory_offset": at,
            }
        _write(names[0], at, data)
        at += len(data)
    try:
        yield places
    finally:
        for name in names:
            clients.ask("grpc", served, "unregister_system_shared_memory", name)
            shm.destroy_shared_memory_region(_HELD.pop(name))


def _write(name: str, at: int, data: bytes) -> None:
    with open(f"/dev/shm/{name}", "r+b") as file:  # noqa: PTH123 - a region, no file
        file.seek(at)
        file.write(data)


def _from_memory(
    name: str, datatype: str, shape: list[int], place: dict[str, Any]
) -> Tensor:
    with open(f"/dev/shm/{place['shared_memory_region']}", "rb") as file:  # noqa: PTH123 - as above
        file.seek(place.get("shared_memory_offset") or 0)
        data = file.read(place["shared_memory_byte_size"])
    array = wire.from_raw(data, datatype, shape)
    return Tensor(name=name, datatype=datatype, data=array)


def _set(parameters: Any, place: dict[str, Any]) -> None:
    for key, value in place.items():
        if isinstance(value, str):
            parameters[key].string_param = value
        else:
            parameters[key].int64_param = value


#: Ways that carry any bytes there are.
RAW: dict[str, RoundTrip] = {
    "binary": lambda served, inputs: http(served, inputs, sent=True, got=True),
    "grpc-raw": lambda served, inputs: rpc(served, inputs, raw=True),
    "grpc-stream": stream,
    "http-memory": http_memory,
    "grpc-memory": rpc_memory,
    **{
        f"triton-{kind}": lambda served, inputs, kind=kind: client(kind, served, inputs)
        for kind in clients.KINDS
    },
}
#: Ways that carry what JSON can say.
TEXTUAL: dict[str, RoundTrip] = {
    "json": lambda served, inputs: http(served, inputs, sent=False, got=False),
    "json-to-binary": lambda served, inputs: http(served, inputs, sent=False, got=True),
    "binary-to-json": lambda served, inputs: http(served, inputs, sent=True, got=False),
}
#: The way that has no field for half-width floats, and can say all else.
TYPED: dict[str, RoundTrip] = {
    "grpc-typed": lambda served, inputs: rpc(served, inputs, raw=False),
}
