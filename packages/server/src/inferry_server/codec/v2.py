"""Requests and responses of the V2 protocol, with its binary tensor data extension.

A body is a JSON document and, after it, the raw bytes of those tensors whose parameters
hold ``binary_data_size``, in their order. The transport says how long the document is.
Source: Open Inference Protocol, "Binary Tensor Data Extension".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from inferry.errors import InvalidInput
from inferry.model import Tensor
from inferry_server.codec import bounded, numeric, raw, values, wanted
from inferry_server.codec.datatypes import MAX_ELEMENTS, MAX_NAME, check_names
from inferry_server.codec.json_errors import readable, shown
from inferry_server.codec.numeric import SMALL
from inferry_server.codec.shared_memory import opened, region_of
from inferry_server.codec.v2_response import Body, dump, encode
from inferry_server.codec.wanted import EVERYTHING, Output, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.codec.datatypes import Array
    from inferry_server.codec.shared_memory import SharedMemory

__all__ = ["Body", "Request", "Wanted", "decode", "dump", "encode"]

_NOTHING: Mapping[str, Any] = {}
_NO_INPUTS = "missing field inputs"
_LISTED = 5


class Input(Struct, gc=False):
    """One input as the document has it; `inferry_server.codec.numeric` makes it too."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = UNSET
    parameters: dict[str, Any] | None = None


class Document(Struct, gc=False):
    """A request as JSON has it."""

    inputs: list[Input]
    id: str | UnsetType | None = UNSET
    outputs: list[Output] | None = None
    parameters: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Document)


class Request(Struct, frozen=True, gc=False):
    """A decoded request, before anything is known about the model."""

    inputs: tuple[Tensor, ...]
    wanted: Wanted
    parameters: Mapping[str, Any]
    id: str | None


def decode(
    body: memoryview,
    json_length: int | None = None,
    *,
    max_elements: int = MAX_ELEMENTS,
    memory: SharedMemory | None = None,
) -> Request:
    """Read a request; *json_length* None means that the whole body is JSON.

    Arrays of binary tensors share the memory of *body*, those in shared memory that of
    their region. No tensor has more than *max_elements*; without *memory* a request
    that refers to shared memory is refused.

    Raises:
        InvalidInput: Whatever is wrong with the request, naming the tensor.

    """
    text, rest = (body, _EMPTY) if json_length is None else _split(body, json_length)
    document = None
    if len(text) > SMALL:
        document = numeric.parse(text, Document, max_elements)
    if document is None:
        document = _parse(text)
    items, parameters = document.inputs, document.parameters or _NOTHING
    if len(items) == 1 and json_length is None and not items[0].parameters:
        inputs: tuple[Tensor, ...] = (_plain(items[0], max_elements),)
    else:
        inputs = _inputs(items, rest, max_elements, memory)
    outputs = document.outputs
    asked = (
        wanted.read(outputs or (), parameters, memory)
        if outputs or parameters
        else EVERYTHING
    )
    return Request(inputs, asked, parameters, document.id or None)


_EMPTY = memoryview(b"")
#: Longer documents without inputs are not searched for what they have instead.
_SEARCHED = 64 * 1024


def _split(body: memoryview, json_length: int) -> tuple[memoryview, memoryview]:
    if not 0 <= json_length <= len(body):
        raise InvalidInput(
            f"Inference-Header-Content-Length is {json_length}, but the body has "
            f"{len(body)} bytes"
        )
    return body[:json_length], body[json_length:]


def _parse(text: memoryview) -> Document:
    try:
        if len(text) > bounded.LARGE:
            return bounded.decoded(_decoder.decode, text)
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        said = readable(error, bytes(text[:64]))
        if said == _NO_INPUTS and len(text) <= _SEARCHED:
            said = _no_inputs(text)
        raise InvalidInput(said) from None


def _no_inputs(text: memoryview) -> str:
    """Return what to say of a document without inputs."""
    try:
        found = list(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return readable(error, bytes(text[:64]))
    listed = ", ".join(map(shown, found[:_LISTED])) or "nothing"
    hint = ""
    if "instances" in found:
        hint = "; 'instances' belongs to V1, POST /v1/models/MODEL:predict"
    return f"the body has no 'inputs' (it has {listed}){hint}"


def _inputs(
    items: list[Input],
    rest: memoryview,
    max_elements: int,
    memory: SharedMemory | None,
) -> tuple[Tensor, ...]:
    check_names([item.name for item in items], "input")
    tensors: dict[str, Tensor] = {}
    at = 0
    for item in items:
        if item.name in tensors:
            raise InvalidInput(f"input {item.name!r} is given twice")
        data, at = _array(item, rest, at, max_elements, memory)
        tensors[item.name] = Tensor(
            name=item.name,
            datatype=item.datatype,
            data=data,
            parameters=item.parameters or _NOTHING,
        )
    if at != len(rest):
        raise InvalidInput(
            f"the body has {len(rest)} bytes of binary data, but its inputs claim {at}"
        )
    return tuple(tensors.values())


def _plain(item: Input, max_elements: int) -> Tensor:
    """Read the only input of a request, which lies in the JSON."""
    name, datatype = item.name, item.datatype
    if len(name) > MAX_NAME:
        check_names((name,), "input")
    if item.data is UNSET:
        raise _no_data(name)
    return Tensor(
        name=name,
        datatype=datatype,
        data=values.to_array(item.data, datatype, item.shape, name, max_elements),
        parameters=_NOTHING,
    )


def _array(
    item: Input,
    rest: memoryview,
    at: int,
    max_elements: int,
    memory: SharedMemory | None,
) -> tuple[Array, int]:
    """Return the data of *item*, and where the raw bytes of the next one begin."""
    name, datatype, shape = item.name, item.datatype, item.shape
    given = item.parameters or _NOTHING
    region = region_of(given, f"input {name!r}")
    size = _binary_size(given, name)
    if (item.data is not UNSET) + (size is not None) + (region is not None) > 1:
        raise InvalidInput(
            f"tensor {name!r}: both {_both(item, size)} are given, expected one"
        )
    if region is not None:
        there = opened(memory, f"input {name!r}")
        buffer = there.read(region.name, region.offset, region.size)
        return raw.from_bytes(buffer, datatype, shape, name, max_elements), at
    if size is not None:
        if at + size > len(rest):
            raise InvalidInput(
                f"tensor {name!r}: binary_data_size is {size}, but only "
                f"{len(rest) - at} bytes of binary data are left"
            )
        buffer = rest[at : at + size]
        data = raw.from_bytes(buffer, datatype, shape, name, max_elements)
        return data, at + size
    if item.data is UNSET:
        raise _no_data(name)
    return values.to_array(item.data, datatype, shape, name, max_elements), at


def _binary_size(parameters: Mapping[str, Any], tensor: str) -> int | None:
    if "binary_data_size" not in parameters:
        return None
    size = parameters["binary_data_size"]
    if type(size) is not int or size < 0:
        raise InvalidInput(
            f"tensor {tensor!r}: binary_data_size is {shown(size)}, expected a number "
            "of bytes"
        )
    return size


def _both(item: Input, size: int | None) -> str:
    first = "'data'" if item.data is not UNSET else "'shared_memory_region'"
    second = "'binary_data_size'" if size is not None else "'shared_memory_region'"
    return f"{first} and {second}"


def _no_data(tensor: str) -> InvalidInput:
    return InvalidInput(
        f"tensor {tensor!r}: no data; expected a list in 'data', or raw bytes after "
        "the JSON and 'binary_data_size' in its parameters"
    )
