"""Large JSON documents of numbers, read by simdjson without a Python object for each.

It takes 2.3 ms for 1.6 MB of floats where msgspec and numpy take 6. It reads only what
it can read exactly as `inferry_server.codec.values` does. Whatever else there is, wrong
or just unusual, gives None, and the caller reads the document again in the slow way,
whose answers and errors are the ones that count.
"""

from __future__ import annotations

import functools
import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from inferry.errors import InvalidInput
from inferry_server.codec.datatypes import FLOATS, INTEGERS, dtype_of, element_count
from inferry_server.codec.values import narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry_server.codec.datatypes import Array

T = TypeVar("T")

#: Below this size of a document nothing is gained.
SMALL = 16 * 1024
#: The numbers begin within so many bytes of the document, or it is not looked at.
_HEAD = 4 * 1024
_NUMBERS = re.compile(rb'"(?:data|instances|inputs)"\s*:[\s\[]*[-\d]')
_NUMERIC = FLOATS | INTEGERS
#: Looking into a list costs as much as this many numbers cost in the slow way.
_LIST_COST = 4
#: What simdjson, msgspec, numpy and our own checks raise about a document.
_GIVES_UP = (
    AttributeError,
    InvalidInput,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)


@functools.cache
def _simdjson() -> Any:  # noqa: ANN401 - it has no types
    try:
        import simdjson
    except ImportError:  # no wheel for this Python: the slow way reads everything
        return None
    return simdjson


def parse(text: memoryview, document: type[T], max_elements: int) -> T | None:
    """Return *text* as a V2 *document* with arrays for data, or None."""
    if not _NUMBERS.search(text[:_HEAD]) or _simdjson() is None:
        return None
    return _kept(text, lambda parsed: _document(parsed, text, document, max_elements))


def rows(
    text: memoryview, datatype: str | None, max_elements: int
) -> tuple[Array, str, dict[str, Any]] | None:
    """Return the numbers of a V1 document, their datatype, and what stands beside.

    Without a *datatype* they have that which `inferry_server.codec.v1` would give them.
    """
    if not _NUMBERS.search(text[:_HEAD]) or _simdjson() is None:
        return None
    return _kept(text, lambda parsed: _rows(parsed, text, datatype, max_elements))


def _kept(text: memoryview, read: Callable[[Any], T]) -> T | None:
    try:
        parser = _idle.pop()
    except IndexError:
        parser = _simdjson().Parser()
    try:
        found = read(parser.parse(text))
    except _GIVES_UP:
        return None  # and no parser to keep: what failed may still hold its memory
    if len(text) <= _KEPT_SIZE and len(_idle) < _KEPT:
        _idle.append(parser)
    return found


#: Parsers that have their memory: to get 8 MB anew costs more than to parse a megabyte.
_idle: list[Any] = []
_KEPT = 2
_KEPT_SIZE = 4 * 1024 * 1024


def _document(
    parsed: Any,  # noqa: ANN401 - simdjson.Object
    text: memoryview,
    document: type[T],
    max_elements: int,
) -> T | None:
    root = _fields(parsed)
    items = [_fields(item) for item in root["inputs"]]
    lists = 1 + ("outputs" in root)
    for item in items:
        shape = item["shape"].as_list()
        lists += 1
        if "data" in item:
            data = item["data"]
            lists += _lists(data, shape)
            datatype = item["datatype"]
            item["data"] = (
                to_array(data, datatype, shape, max_elements)
                if datatype in _NUMERIC
                else data.as_list()
            )
    if not _has_lists(text, lists):
        return None
    root["inputs"] = [_plain(item) for item in items]
    return msgspec.convert(_plain(root), document)


def _rows(
    parsed: Any,  # noqa: ANN401 - simdjson.Object
    text: memoryview,
    datatype: str | None,
    max_elements: int,
) -> tuple[Array, str, dict[str, Any]] | None:
    root = _fields(parsed)
    (key,) = root.keys() & {"instances", "inputs"}
    data = root.pop(key)
    shape = _nested_shape(data)
    if not _has_lists(text, _lists(data, shape)):
        return None
    kind = datatype or _guess(data)
    return to_array(data, kind, shape, max_elements), kind, _plain(root)


def _nested_shape(data: Any) -> list[int]:  # noqa: ANN401 - simdjson.Array
    shape: list[int] = []
    while isinstance(data, _simdjson().Array):
        shape.append(len(data))
        data = data[0]
    return shape


def _guess(data: Any) -> str:  # noqa: ANN401 - simdjson.Array
    try:
        data.as_buffer(of_type="i")
    except TypeError:  # not all are integers; which are no numbers, comes out later
        return "FP64"
    return "INT64"  # a ValueError, of one beyond it, goes to the slow way


def _fields(found: Any) -> dict[str, Any]:  # noqa: ANN401 - a simdjson.Object
    # Not `items`, which turns all that lies below into Python's own lists.
    fields = {name: found[name] for name in found.keys()}  # noqa: SIM118 - no mapping
    if len(fields) != len(found):
        raise KeyError
    return fields


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Return *fields* with Python's own containers in place of simdjson's."""
    simdjson = _simdjson()
    for name, value in fields.items():
        if isinstance(value, simdjson.Object):
            if len(value.mini) > SMALL:  # which may become far more objects
                raise ValueError
            fields[name] = value.as_dict()
        elif isinstance(value, simdjson.Array):
            fields[name] = value.as_list()
    return fields


def _lists(data: Any, shape: Sequence[int]) -> int:  # noqa: ANN401 - simdjson.Array
    """Return how many lists *data* is made of; refuse any other nesting than *shape*.

    That there are no more than these, `_has_lists` tells.
    """
    if len(shape) < 2 or not isinstance(data[0], _simdjson().Array):  # noqa: PLR2004 - flat
        return 1
    found = sum(math.prod(shape[:axis]) for axis in range(len(shape)))
    if found * _LIST_COST > SMALL and found * _LIST_COST > _leaves(shape):
        raise ValueError
    level = [data]
    for axis, size in enumerate(shape):
        if any(len(item) != size for item in level):
            raise ValueError
        if axis < len(shape) - 1:
            level = [child for item in level for child in item]
    return found


def _leaves(shape: Sequence[int]) -> int:
    return element_count(shape, "")


def _has_lists(text: memoryview, count: int) -> bool:
    """Say whether *text* has just *count* brackets: no list where none is expected."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("["))) == count


def to_array(
    data: Any,  # noqa: ANN401 - simdjson.Array
    datatype: str,
    shape: Sequence[int],
    max_elements: int,
) -> Array:
    """Return the numbers of *data* as an array of *shape*.

    Raises:
        InvalidInput: They are no such numbers, as does any other error of simdjson.

    """
    dtype = dtype_of(datatype, "")
    count = element_count(shape, "", max_elements)
    if datatype in FLOATS:
        wide = np.frombuffer(data.as_buffer(of_type="d"), np.float64)
        array = narrowed(wide, datatype)
        if not np.isfinite(array).all():  # JSON has no infinity: it has overflowed
            raise InvalidInput(datatype)
    elif datatype in INTEGERS:
        kind = "u" if datatype == "UINT64" else "i"
        wide = np.frombuffer(data.as_buffer(of_type=kind), f"{kind}8")
        limits = np.iinfo(dtype)
        if wide.size and (wide.min() < limits.min or wide.max() > limits.max):
            raise InvalidInput(datatype)
        array = wide.astype(dtype, copy=False)
    else:
        raise InvalidInput(datatype)
    if array.size != count:
        raise InvalidInput(datatype)
    return array.reshape(shape)
