"""Values of a JSON document to arrays and back, strictly.

No value changes its kind on the way: ``true`` is no number, ``1.5`` is no integer,
``"1"`` is neither, 300 is no INT8, and 1e39 is no FP32.
"""

from __future__ import annotations

import struct
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from inferry.errors import InvalidInput
from inferry_server.codec.datatypes import (
    FLOATS,
    INTEGERS,
    MAX_ELEMENTS,
    dtype_of,
    element_count,
)
from inferry_server.codec.json_errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry_server.codec.datatypes import Array, DType

_PRINTABLE_BITS = 128
_JSON_NAMES = {
    bool: "a boolean",
    dict: "an object",
    float: "a fraction",
    int: "an integer",
    list: "a list",
    str: "a string",
    type(None): "null",
}


def kind(value: object) -> str:
    """Name the JSON type of *value* as a reader would."""
    return _JSON_NAMES.get(type(value), type(value).__name__)


#: The codes of `struct` for the datatypes whose bytes it writes, and the types of their
#: values in Python. It refuses what is out of range, but would take true for 1.
_CODES: dict[str, tuple[str, frozenset[type]]] = {
    "BOOL": ("?", frozenset({bool})),
    "INT8": ("b", frozenset({int})),
    "INT16": ("h", frozenset({int})),
    "INT32": ("i", frozenset({int})),
    "INT64": ("q", frozenset({int})),
    "UINT8": ("B", frozenset({int})),
    "UINT16": ("H", frozenset({int})),
    "UINT32": ("I", frozenset({int})),
    "UINT64": ("Q", frozenset({int})),
    "FP32": ("f", frozenset({int, float})),
    "FP64": ("d", frozenset({int, float})),
}


def to_array(
    data: object,
    datatype: str,
    shape: Sequence[int],
    tensor: str,
    max_elements: int = MAX_ELEMENTS,
) -> Array:
    """Return *data*, flat or nested as *shape* says, as an array of that shape.

    An array is one that `inferry_server.codec.numeric` has read.

    Raises:
        InvalidInput: Naming the tensor, what came and what was expected.

    """
    plan = _plans.get((datatype, *shape))
    if (
        plan is not None
        and type(data) is list
        and len(data) == plan.count <= max_elements
        and plan.types.issuperset(map(type, data))
    ):
        try:
            return np.ndarray(plan.shape, plan.dtype, bytearray(plan.pack(*data)))
        except (struct.error, OverflowError):
            pass  # what is wrong with it, the way below says
    if type(data) is np.ndarray:
        return data
    if not shape and not isinstance(data, list):
        data = [data]  # a scalar may come without a list around it
    dtype = dtype_of(datatype, tensor)
    count = element_count(shape, tensor, max_elements)
    flat = flatten(data, shape, count, tensor)
    array = packed(flat, datatype)
    if array is None:
        array = flat_array(flat, datatype, tensor)
    elif count <= _PLANNED_ELEMENTS:
        _plan(datatype, dtype, shape, count)
    return array.reshape(shape)


class _Plan(Struct, frozen=True, gc=False):
    """How to read the flat values of one datatype and shape, once these are checked."""

    count: int
    types: frozenset[type]
    pack: Callable[..., bytes]
    dtype: DType
    shape: tuple[int, ...]


_PLANNED_ELEMENTS = 1024
_MOST_PLANS = 1024
_plans: dict[tuple[str | int, ...], _Plan] = {}


def _plan(datatype: str, dtype: DType, shape: Sequence[int], count: int) -> None:
    if len(_plans) >= _MOST_PLANS:
        _plans.clear()
    code, types = _CODES[datatype]
    pack = struct.Struct(f"={count}{code}").pack
    _plans[datatype, *shape] = _Plan(count, types, pack, dtype, tuple(shape))


def packed(flat: list[Any], datatype: str) -> Array | None:
    """Return *flat* as an array of one dimension; None where `flat_array` must do it.

    That is what has no quick way and what is wrong: this tells nothing of it.
    """
    code, types = _CODES.get(datatype, _NO_CODE)
    if not flat or not types.issuperset(map(type, flat)):
        return None
    try:
        buffer = bytearray(struct.pack(f"={len(flat)}{code}", *flat))
    except (struct.error, OverflowError):
        return None
    return np.frombuffer(buffer, dtype_of(datatype, ""))


_NO_CODE: tuple[str, frozenset[type]] = ("", frozenset())


def flatten(data: object, shape: Sequence[int], count: int, tensor: str) -> list[Any]:
    """Return the leaves of *data* in row-major order; check how it is nested."""
    if not isinstance(data, list):
        raise InvalidInput(f"tensor {tensor!r}: data is {kind(data)}, expected a list")
    if len(shape) > 1 and data and isinstance(data[0], list):
        return _flatten_nested(data, shape, tensor)
    if len(data) != count:
        raise InvalidInput(
            f"tensor {tensor!r}: data has {len(data)} elements, expected {count} for "
            f"shape {list(shape)}"
        )
    return data


def _flatten_nested(data: list[Any], shape: Sequence[int], tensor: str) -> list[Any]:
    level = data
    if len(data) == shape[0]:
        for size in shape[1:]:
            if {*map(type, level)} != {list} or {*map(len, level)} != {size}:
                break
            level = [*chain.from_iterable(level)]
        else:
            return level
    raise _wrongly_nested(data, shape, tensor)


def _wrongly_nested(data: list[Any], shape: Sequence[int], tensor: str) -> InvalidInput:
    level: list[Any] = [data]
    for axis, size in enumerate(shape):
        for item in level:
            if type(item) is not list or len(item) != size:
                got = f"{len(item)} elements" if type(item) is list else kind(item)
                return InvalidInput(
                    f"tensor {tensor!r}: data has {got} at axis {axis}, expected "
                    f"{size} for shape {list(shape)}"
                )
        level = list(chain.from_iterable(level))
    raise AssertionError


def flat_array(flat: list[Any], datatype: str, tensor: str) -> Array:
    """Return the leaves *flat* as a one-dimensional array of *datatype*."""
    if datatype in FLOATS:
        return _floats(flat, datatype, tensor)
    if datatype in INTEGERS:
        return _integers(flat, datatype, tensor)
    if datatype == "BOOL":
        _require(flat, {bool}, datatype, tensor)
        return np.array(flat, dtype=np.bool_)
    _require(flat, {str}, datatype, tensor)
    return object_array([text.encode() for text in flat])


def object_array(items: Sequence[Any]) -> Array:
    """Return a one-dimensional object array; numpy must not look into the items."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _floats(flat: list[Any], datatype: str, tensor: str) -> Array:
    _require(flat, {int, float}, datatype, tensor)
    try:
        wide = np.array(flat, dtype=np.float64)
    except OverflowError:
        raise InvalidInput(
            f"tensor {tensor!r}: data has an integer beyond the range of {datatype}"
        ) from None
    array = narrowed(wide, datatype)
    # JSON has no infinity: what is not finite now has overflowed.
    finite = np.isfinite(array)
    if not finite.all():
        position = int(np.argmin(finite))
        raise InvalidInput(
            f"tensor {tensor!r}: element {position} is {shown(flat[position])}, out of "
            f"the range of {datatype}"
        )
    return array


def narrowed(wide: Array, datatype: str) -> Array:
    """Return *wide*, of float64, as *datatype*; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        if datatype == "BF16":
            wide = wide.astype(np.float32)
        return wide.astype(dtype_of(datatype, ""), copy=False)


def _integers(flat: list[Any], datatype: str, tensor: str) -> Array:
    _require(flat, {int}, datatype, tensor)
    dtype = dtype_of(datatype, tensor)
    if flat:
        limits = np.iinfo(dtype)
        least, most = min(flat), max(flat)
        if least < limits.min or most > limits.max:
            wrong = least if least < limits.min else most
            raise InvalidInput(
                f"tensor {tensor!r}: element {flat.index(wrong)} is {_short(wrong)}, "
                f"out of the range of {datatype} ({limits.min} to {limits.max})"
            )
    return np.array(flat, dtype=dtype)


def _short(value: int) -> str:
    # Python refuses to print integers of thousands of digits.
    return str(value) if value.bit_length() <= _PRINTABLE_BITS else "a huge integer"


def _require(flat: list[Any], allowed: set[type], datatype: str, tensor: str) -> None:
    if set(map(type, flat)) <= allowed:
        return
    position = next(at for at, value in enumerate(flat) if type(value) not in allowed)
    expected = " or ".join(sorted(_JSON_NAMES[name] for name in allowed))
    raise InvalidInput(
        f"tensor {tensor!r}: element {position} is {kind(flat[position])}, expected "
        f"{expected} for {datatype}"
    )


def to_json(data: Array, datatype: str, tensor: str) -> Any:  # noqa: ANN401 - for orjson
    """Return *data* as orjson writes it: an array, or nested lists of text for BYTES.

    NaN and infinities become null, because JSON has no word for them.

    Raises:
        InvalidInput: BYTES that are no UTF-8: only the binary form can carry them.

    """
    if datatype == "BF16":
        return np.ascontiguousarray(data.astype(np.float32))
    if datatype != "BYTES":
        return np.ascontiguousarray(data)
    try:
        flat = [as_bytes(item).decode() for item in data.reshape(-1)]
    except UnicodeDecodeError:
        raise InvalidInput(
            f"output {tensor!r} holds bytes that are not UTF-8, which JSON cannot "
            'carry; ask for it with {"parameters": {"binary_data": true}}'
        ) from None
    return object_array(flat).reshape(data.shape).tolist()


def as_bytes(item: object) -> bytes:
    """Return one element of a BYTES array as bytes; text is taken as UTF-8."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        return item.encode()
    msg = f"an element of a BYTES tensor is {type(item).__name__}, expected bytes"
    raise TypeError(msg)
