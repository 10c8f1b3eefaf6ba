"""A ``ModelInferRequest`` from its bytes to tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from msgspec import Struct

from inferry.errors import InvalidInput
from inferry.model import Tensor
from inferry_server.codec import tensors, wanted
from inferry_server.codec.datatypes import MAX_NAME, check_names
from inferry_server.codec.shared_memory import REGION, opened, region_of
from inferry_server.codec.wanted import EVERYTHING, Output, Wanted
from inferry_server.grpc import parameters, wire
from inferry_server.grpc.messages import message
from inferry_server.grpc.responses import PACKED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_server.codec.datatypes import Array
    from inferry_server.codec.shared_memory import SharedMemory

_ModelInferRequest = message("ModelInferRequest")
#: The number of ``raw_input_contents``.
RAW = 7
#: From here on the tensors of a message are left where they are; see `wire`.
_LARGE = 16 * 1024
_SIZES = {"BOOL": 1, "FP32": 4, "FP64": 8}
_NOTHING: Mapping[str, Any] = {}


class Request(Struct, frozen=True, gc=False):
    """A decoded request; ``typed`` is one whose tensors came as typed contents."""

    model: str
    version: str | None
    id: str
    inputs: tuple[Tensor, ...]
    wanted: Wanted
    parameters: Mapping[str, Any]
    typed: bool


def parse(body: bytes) -> tuple[Any, Sequence[bytes | memoryview]]:
    """Return the message in *body* and its raw contents, which it may no longer hold.

    Raises:
        InvalidInput: It is no such message.

    """
    try:
        if len(body) < _LARGE:
            parsed = _ModelInferRequest.FromString(body)
            return parsed, parsed.raw_input_contents
        rest, raws = wire.split(body, RAW)
        return _ModelInferRequest.FromString(rest), raws
    except DecodeError:
        raise InvalidInput("the message is no ModelInferRequest") from None


def decode(
    parsed: Any,  # noqa: ANN401 - a ModelInferRequest
    raws: Sequence[bytes | memoryview],
    *,
    max_elements: int,
    memory: SharedMemory | None = None,
) -> Request:
    """Return the request of `parse`; raw tensors share the memory of its bytes.

    Raises:
        InvalidInput: Whatever is wrong with the request, naming the tensor.

    """
    items = parsed.inputs[:]  # a list, which is much quicker to go through
    given = [_read(item, "input") for item in items]
    if raws:
        _check_raw(items, given, len(raws), parsed.model_name)
    asked = parsed.parameters
    return Request(
        parsed.model_name,
        parsed.model_version or None,
        parsed.id,
        _inputs(items, given, raws, max_elements, memory),
        _wanted(parsed.outputs, memory) if parsed.outputs else EVERYTHING,
        parameters.read(asked, "the request") if asked else _NOTHING,
        not raws and any(item.HasField("contents") for item in items),
    )


def _inputs(
    items: Sequence[Any],
    given: Sequence[Mapping[str, Any]],
    raws: Sequence[bytes | memoryview],
    max_elements: int,
    memory: SharedMemory | None,
) -> tuple[Tensor, ...]:
    """Return the tensors of *items*; *given* are the parameters of each."""
    names = [item.name for item in items]
    if len(names) > 1 or (names and len(names[0]) > MAX_NAME):
        check_names(names, "input")
    rest = iter(raws)
    found: dict[str, Tensor] = {}
    for name, item, more in zip(names, items, given, strict=True):
        if not name or name in found:
            raise InvalidInput(
                f"input {name!r} is given twice" if name else "an input has no name"
            )
        datatype = item.datatype
        if REGION in more:
            data = _shared(item, more, max_elements, memory)
        elif raws:
            buffer = memoryview(next(rest))
            data = tensors.from_raw(
                buffer, datatype, tuple(item.shape), name, max_elements
            )
        else:
            data = _typed(item, max_elements)
        found[name] = Tensor(name=name, datatype=datatype, data=data, parameters=more)
    return tuple(found.values())


def _read(item: Any, what: str) -> Mapping[str, Any]:  # noqa: ANN401 - an input or output
    given = item.parameters
    return parameters.read(given, f"{what} {item.name!r}") if given else _NOTHING


def _check_raw(
    items: Sequence[Any], given: Sequence[Mapping[str, Any]], count: int, model: str
) -> None:
    """All inputs or none are raw, with the texts that KServe has for it."""
    for item in items:
        if item.HasField("contents"):
            raise InvalidInput(
                "contents field must not be specified when using raw_input_contents "
                f"for input '{item.name[:200]}' for model '{model[:200]}'"
            )
    expected = sum(REGION not in more for more in given)
    if expected != count:
        raise InvalidInput(
            f"the number of inputs ({expected}) does not match the expected number of "
            f"raw input contents ({count}) for model '{model[:200]}'."
        )


def _shared(
    item: Any,  # noqa: ANN401 - an InferInputTensor
    more: Mapping[str, Any],
    max_elements: int,
    memory: SharedMemory | None,
) -> Array:
    what = f"input {item.name!r}"
    if item.HasField("contents"):
        raise InvalidInput(f"{what}: both contents and {REGION!r} are given")
    region = region_of(more, what)
    if region is None:
        raise InvalidInput(f"{what}: {REGION!r} is no string")
    buffer = opened(memory, what).read(region.name, region.offset, region.size)
    return tensors.from_raw(buffer, item.datatype, item.shape, item.name, max_elements)


def _typed(item: Any, max_elements: int) -> Array:  # noqa: ANN401 - an InferInputTensor
    datatype, shape, name = item.datatype, tuple(item.shape), item.name
    size = math.prod(shape) * _SIZES.get(datatype, 0)
    if size > 0:
        # Values of these are written as they lie in memory: no list of them is needed.
        written = memoryview(item.contents.SerializeToString())
        head = wire.prefix(PACKED[datatype], size)
        packed = written[len(head) :]
        if len(packed) == size and written[: len(head)] == head:
            return tensors.from_raw(packed, datatype, shape, name, max_elements)
    return tensors.from_message(item.contents, datatype, shape, name, max_elements)


def _wanted(given: Sequence[Any], memory: SharedMemory | None) -> Wanted:
    outputs = [Output(item.name, dict(_read(item, "output"))) for item in given]
    return wanted.read(outputs, _NOTHING, memory)
