"""Requests and responses of the V2 protocol, with its binary tensor data extension.

A body is a JSON document and, after it, the raw bytes of those tensors whose parameters
hold ``binary_data_size``, in their order. The transport says how long the document is.
Source: Open Inference Protocol, "Binary Tensor Data Extension".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import orjson
from msgspec import UNSET, Struct, UnsetType

from inferry.errors import InferenceError, InvalidInput
from inferry.model import InferResponse, Tensor
from inferry_server.codec import raw, values
from inferry_server.codec.datatypes import check_names
from inferry_server.codec.json_errors import readable

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_SERVED = ("classification", "shared_memory_region")


class _Input(Struct, gc=False):
    name: str
    shape: list[int]
    datatype: str
    data: Any = UNSET
    parameters: dict[str, Any] | None = None


class _Output(Struct, gc=False):
    name: str
    parameters: dict[str, Any] | None = None


class _Document(Struct, gc=False):
    inputs: list[_Input]
    id: str | UnsetType | None = UNSET
    outputs: list[_Output] | None = None
    parameters: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Document)


class Wanted(Struct, frozen=True, gc=False):
    """The outputs that the client wants, all if none is named, and which as bytes."""

    names: tuple[str, ...] = ()
    binary: Mapping[str, bool] = {}
    binary_by_default: bool = False

    def is_binary(self, output: str) -> bool:
        """Say whether *output* goes as raw bytes; its own parameter wins."""
        return self.binary.get(output, self.binary_by_default)


class Request(Struct, frozen=True, gc=False):
    """A decoded request, before anything is known about the model."""

    inputs: tuple[Tensor, ...]
    wanted: Wanted
    parameters: Mapping[str, Any]
    id: str | None


class Body(Struct, frozen=True, gc=False):
    """An encoded response; ``json_length`` is set only if raw bytes follow the JSON."""

    parts: list[bytes | memoryview]
    json_length: int | None = None


def decode(body: memoryview, json_length: int | None = None) -> Request:
    """Read a request; *json_length* None means that the whole body is JSON.

    Arrays of binary tensors share the memory of *body*.

    Raises:
        InvalidInput: Whatever is wrong with the request, naming the tensor.

    """
    split = len(body) if json_length is None else json_length
    if not 0 <= split <= len(body):
        raise InvalidInput(
            f"Inference-Header-Content-Length is {split}, but the body has {len(body)} "
            "bytes"
        )
    document = _parse(body[:split])
    inputs = _inputs(document, body[split:])
    parameters = document.parameters or {}
    return Request(
        inputs=inputs,
        wanted=_wanted(document.outputs or [], parameters),
        parameters=parameters,
        id=document.id or None,
    )


def _parse(text: memoryview) -> _Document:
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(readable(error, bytes(text[:64]))) from None


def _inputs(document: _Document, rest: memoryview) -> tuple[Tensor, ...]:
    tensors: dict[str, Tensor] = {}
    at = 0
    check_names([item.name for item in document.inputs], "input")
    for item in document.inputs:
        if item.name in tensors:
            raise InvalidInput(f"input {item.name!r} is given twice")
        size = _binary_size(item)
        if size is None:
            data = values.to_array(_data(item), item.datatype, item.shape, item.name)
        else:
            if at + size > len(rest):
                raise InvalidInput(
                    f"tensor {item.name!r}: binary_data_size is {size}, but only "
                    f"{len(rest) - at} bytes of binary data are left"
                )
            data = raw.from_bytes(
                rest[at : at + size], item.datatype, item.shape, item.name
            )
            at += size
        tensors[item.name] = Tensor(
            name=item.name,
            datatype=item.datatype,
            data=data,
            parameters=item.parameters or {},
        )
    if at != len(rest):
        raise InvalidInput(
            f"the body has {len(rest)} bytes of binary data, but its inputs claim {at}"
        )
    return tuple(tensors.values())


def _data(item: _Input) -> object:
    if item.data is UNSET:
        raise InvalidInput(
            f"tensor {item.name!r}: no data; expected a list in 'data', or raw bytes "
            "after the JSON and 'binary_data_size' in its parameters"
        )
    return item.data


def _binary_size(item: _Input) -> int | None:
    parameters = item.parameters
    if not parameters:
        return None
    _refuse_unserved(parameters, f"input {item.name!r}")
    if "binary_data_size" not in parameters:
        return None
    size = parameters["binary_data_size"]
    if type(size) is not int or size < 0:
        raise InvalidInput(
            f"tensor {item.name!r}: binary_data_size is {size!r}, expected a number of "
            "bytes"
        )
    if item.data is not UNSET:
        raise InvalidInput(
            f"tensor {item.name!r}: both 'data' and 'binary_data_size' are given"
        )
    return size


def _wanted(outputs: list[_Output], parameters: Mapping[str, Any]) -> Wanted:
    binary: dict[str, bool] = {}
    names: dict[str, None] = {}
    check_names([output.name for output in outputs], "output")
    for output in outputs:
        if output.name in names:
            raise InvalidInput(f"output {output.name!r} is requested twice")
        names[output.name] = None
        own = output.parameters or {}
        _refuse_unserved(own, f"output {output.name!r}")
        if "binary_data" in own:
            binary[output.name] = _flag(own["binary_data"], "binary_data")
    default = _flag(parameters.get("binary_data_output", False), "binary_data_output")
    return Wanted(tuple(names), binary, default)


def _refuse_unserved(parameters: Mapping[str, Any], what: str) -> None:
    for name in _NOT_SERVED:
        if name in parameters:
            raise InvalidInput(f"{what}: the parameter {name!r} is not supported")


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"parameter {name!r} is {value!r}, expected true or false")
    return value


def encode(
    response: InferResponse,
    wanted: Wanted,
    *,
    model: str,
    version: str | None = None,
    request_id: str | None = None,
) -> Body:
    """Write *response*, each of its outputs in the form that is wanted.

    Raises:
        InvalidInput: An output that JSON cannot carry was not asked for as binary.
        InferenceError: The model gave back what cannot be written.

    """
    head: dict[str, Any] = {"model_name": model}
    if version is not None:
        head["model_version"] = version
    if request_id is not None:
        head["id"] = request_id
    if response.parameters:
        head["parameters"] = response.parameters
    raws: list[bytes | memoryview] = []
    head["outputs"] = [
        _output(tensor, raws, binary=wanted.is_binary(tensor.name))
        for tensor in response.outputs
    ]
    text = dump(head, model)
    # Raw bytes that are all empty still need the header, or the client sees no data.
    has_raw = any(wanted.is_binary(tensor.name) for tensor in response.outputs)
    return Body([text, *raws], len(text) if has_raw else None)


def _output(
    tensor: Tensor, raws: list[bytes | memoryview], *, binary: bool
) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.data.shape),
    }
    parameters = dict(tensor.parameters)
    parameters.pop("binary_data_size", None)
    if binary:
        chunk = raw.to_bytes(tensor.data, tensor.datatype)
        raws.append(chunk)
        parameters["binary_data_size"] = len(chunk)
    else:
        flat = tensor.data.reshape(-1)
        item["data"] = values.to_json(flat, tensor.datatype, tensor.name)
    if parameters:
        item["parameters"] = parameters
    return item


def dump(document: object, model: str) -> bytes:
    """Write *document* as JSON.

    Raises:
        InferenceError: It holds what JSON has no word for.

    """
    try:
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise InferenceError(
            f"model {model!r}: its answer cannot be written as JSON: {error}"
        ) from error


def _plain(value: object) -> object:
    """Give orjson what it does not take by itself: arrays of another order or kind."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(type(value).__name__)
