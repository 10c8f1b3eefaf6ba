"""Requests and responses of the generate extension: flat JSON for a model's tensors.

A key that is the name of an input is its data, a scalar or a list; any other key is a
parameter, and so is what ``parameters`` holds.
Source: Triton, "Generate Extension".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import InvalidInput
from inferry.model import Tensor, TensorSpec
from inferry_server.codec import bounded, values
from inferry_server.codec.datatypes import MAX_ELEMENTS, check_names
from inferry_server.codec.json_errors import readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.model import InferResponse

_ID = "id"
_PARAMETERS = "parameters"
_SCALARS = (bool, int, float, str)
#: What the values of an input say where the model declares nothing.
_GUESSES = (
    ({bool}, "BOOL"),
    ({int}, "INT64"),
    ({int, float}, "FP64"),
    ({str}, "BYTES"),
)


class Request(msgspec.Struct, frozen=True, gc=False):
    """A decoded request."""

    inputs: tuple[Tensor, ...]
    parameters: Mapping[str, Any]
    id: str | None


def decode(
    body: memoryview, specs: Sequence[TensorSpec], max_elements: int = MAX_ELEMENTS
) -> Request:
    """Read a request for a model with the inputs *specs*.

    Of a model that declares no inputs, each key is one.

    Raises:
        InvalidInput: Whatever is wrong with it, naming the key.

    """
    given = _parse(body)
    identity = given.pop(_ID, None)
    if identity is not None and not isinstance(identity, str):
        identity = str(identity) if type(identity) is int else _not_text()
    nested = given.pop(_PARAMETERS, None)
    if nested is not None and not isinstance(nested, dict):
        raise InvalidInput(f"'parameters' is {values.kind(nested)}, expected an object")
    check_names(given, "input")
    known = {spec.name: spec for spec in specs}
    if not known:
        known = {key: _guessed(key, value) for key, value in given.items()}
    given = {**(nested or {}), **given}
    inputs = tuple(
        _tensor(known[key], value, max_elements)
        for key, value in given.items()
        if key in known
    )
    rest = {key: value for key, value in given.items() if key not in known}
    for key, value in rest.items():
        if not isinstance(value, _SCALARS):
            raise InvalidInput(
                f"parameter {key[:100]!r} is {values.kind(value)}, and the model has "
                "no input of that name; expected a number, a boolean or a string"
            )
    return Request(inputs, rest, identity)


def _parse(body: memoryview) -> dict[str, Any]:
    try:
        given = (
            bounded.decoded(msgspec.json.decode, body)
            if len(body) > bounded.LARGE
            else msgspec.json.decode(body)
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(readable(error, bytes(body[:64]))) from None
    if not isinstance(given, dict):
        raise InvalidInput(f"the body is {values.kind(given)}, expected an object")
    return given


def _not_text() -> str:
    raise InvalidInput("'id' is no string")


def _guessed(name: str, value: object) -> TensorSpec:
    kinds = set(map(type, value if isinstance(value, list) else [value]))
    for known, datatype in _GUESSES:
        if kinds <= known:
            return TensorSpec(name=name, datatype=datatype, shape=(-1,))
    raise InvalidInput(
        f"{name[:100]!r} is neither a value nor a list of values of one kind"
    )


def _tensor(spec: TensorSpec, value: object, max_elements: int) -> Tensor:
    items: list[Any] = value if isinstance(value, list) else [value]
    shape = _nested_shape(items)
    if len(shape) == 1:
        shape = _fitted(spec, len(items))
    data = values.to_array(items, spec.datatype, shape, spec.name, max_elements)
    return Tensor(name=spec.name, datatype=spec.datatype, data=data)


def _nested_shape(items: list[Any]) -> list[int]:
    shape = [len(items)]
    level: Any = items[0] if items else None
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    return shape


def _fitted(spec: TensorSpec, count: int) -> list[int]:
    """Return the shape of *count* values in a row: the last free dimension has them."""
    free = [axis for axis, size in enumerate(spec.shape) if size < 0]
    if not free:
        return list(spec.shape)
    fixed = math.prod(size for size in spec.shape if size >= 0)
    if fixed == 0 or count % fixed:
        raise InvalidInput(
            f"input {spec.name!r}: {count} values do not fill the shape "
            f"{list(spec.shape)} (-1 is any size)"
        )
    shape = [1 if size < 0 else size for size in spec.shape]
    shape[free[-1]] = count // fixed
    return shape


def encode(
    response: InferResponse,
    *,
    model: str,
    version: str | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Return *response* as a flat document; one value stands alone, more are a list.

    Raises:
        InvalidInput: BYTES that are no UTF-8, which JSON cannot carry.

    """
    document: dict[str, Any] = {
        key: value
        for key, value in response.parameters.items()
        if isinstance(value, _SCALARS)
    }
    document["model_name"] = model
    document["model_version"] = version or "1"
    if request_id:
        document[_ID] = request_id
    for tensor in response.outputs:
        flat = tensor.data.reshape(-1)
        shown = values.to_json(flat, tensor.datatype, tensor.name)
        document[tensor.name] = shown[0] if len(shown) == 1 else shown
    return document
