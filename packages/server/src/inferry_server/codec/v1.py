"""The V1 protocol as a view of the same tensors.

``{"instances": [...]}`` has one item per row, ``{"inputs": ...}`` one list per column.
V1 names neither datatypes nor shapes: they come from the model's metadata, and where it
declares nothing, from the values.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import InvalidInput
from inferry.model import InferResponse, Tensor
from inferry_server.codec import bounded, numeric, values
from inferry_server.codec.datatypes import (
    INTEGERS,
    MAX_ELEMENTS,
    check_names,
    element_count,
)
from inferry_server.codec.json_errors import readable, shown
from inferry_server.codec.numeric import SMALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.model import ModelMetadata, TensorSpec
    from inferry_server.codec.datatypes import Array

#: The name of the one input of a model that declares none.
DEFAULT_INPUT = "input-0"
_LARGEST_INT64 = 2**63 - 1
_NOTHING: Mapping[str, Any] = {}
_LISTED = 5


class Request(msgspec.Struct, frozen=True, gc=False):
    """A decoded request; ``parameters`` is what the body says beside its data."""

    inputs: tuple[Tensor, ...]
    parameters: Mapping[str, Any]


def parse(body: memoryview) -> Any:  # noqa: ANN401 - any JSON value
    """Read *body* as JSON.

    Raises:
        InvalidInput: It is none.

    """
    try:
        if len(body) > bounded.LARGE:
            return bounded.decoded(msgspec.json.decode, body)
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(readable(error, bytes(body[:64]))) from None


def decode(
    body: memoryview, metadata: ModelMetadata, *, max_elements: int = MAX_ELEMENTS
) -> Request:
    """Read a request as the tensors that *metadata* describes.

    No tensor has more than *max_elements*.

    Raises:
        InvalidInput: Whatever is wrong with it, naming the input.

    """
    specs = metadata.inputs
    if len(body) > SMALL and len(specs) <= 1:
        found = _large(body, specs[0] if specs else None, max_elements)
        if found is not None:
            if specs:
                _check_rows(found.inputs[0], specs[0])
            return found
    document = parse(body)
    rows = _only_rows(document) if len(specs) == 1 else None
    if rows is not None:
        tensor = _tensor(specs[0].name, rows, specs[0], max_elements)
        _check_rows(tensor, specs[0])
        return Request((tensor,), _NOTHING)
    if not isinstance(document, dict):
        raise InvalidInput(
            f"the body is {values.kind(document)}, expected an object with 'instances'"
        )
    columns = _columns(document, specs)
    check_names(columns, "input")
    by_name = {spec.name: spec for spec in specs}
    inputs = tuple(
        [
            _tensor(name, column, by_name.get(name), max_elements)
            for name, column in columns.items()
        ]
    )
    if len(specs) == 1 and not _has_names(document):
        _check_rows(inputs[0], specs[0])
    return Request(inputs, _beside(document) if len(document) > 1 else _NOTHING)


def _only_rows(document: object) -> list[Any] | None:
    """Return the rows of a document that is nothing but rows without names."""
    if type(document) is not dict or len(document) != 1:
        return None
    rows = document.get("instances")
    if type(rows) is not list or not rows or type(rows[0]) is dict:
        return None
    return rows


def _check_rows(tensor: Tensor, spec: TensorSpec) -> None:
    """Tell who sends the only row without the list around it."""
    shape = tensor.data.shape
    if len(shape) + 1 == len(spec.shape) and all(map(_fits, spec.shape[1:], shape)):
        raise InvalidInput(
            f"input {spec.name!r} is one row of shape {list(shape)}, expected a list "
            "of rows; put it into another list"
        )


def _has_names(document: dict[str, Any]) -> bool:
    given: Any = document.get("instances", document.get("inputs"))
    return isinstance(given, dict) or (bool(given) and _is_named(given[0]))


def _fits(expected: int, given: int) -> bool:
    return expected in (-1, given)


def _large(
    body: memoryview, spec: TensorSpec | None, max_elements: int
) -> Request | None:
    """Read numbers for the only input in the quick way, where that is possible."""
    datatype = spec.datatype if spec else None
    found = numeric.rows(body, datatype, max_elements)
    if found is None:
        return None
    array, kind, document = found
    name = spec.name if spec else DEFAULT_INPUT
    shaped = array.reshape(_fitted(list(array.shape), spec))
    return Request((Tensor(name=name, datatype=kind, data=shaped),), _beside(document))


def _beside(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in document.items()
        if key not in ("instances", "inputs")
    }


def _columns(
    document: dict[str, Any], specs: Sequence[TensorSpec]
) -> dict[str, list[Any]]:
    if "instances" in document and "inputs" in document:
        raise InvalidInput("the body has both 'instances' and 'inputs', expected one")
    if "instances" in document:
        return _from_rows(document["instances"], specs)
    if "inputs" in document:
        return _from_columns(document["inputs"], specs)
    found = ", ".join(map(shown, list(document)[:_LISTED])) or "nothing"
    raise InvalidInput(f"the body has no 'instances' (it has {found})")


def _from_rows(rows: object, specs: Sequence[TensorSpec]) -> dict[str, list[Any]]:
    if not isinstance(rows, list):
        raise InvalidInput(f"'instances' is {values.kind(rows)}, expected a list")
    if not rows:
        raise InvalidInput("'instances' is empty, expected at least one")
    if not _is_named(rows[0]):
        return {_only_input(specs, "each instance as an object"): rows}
    names = rows[0].keys()
    for position, row in enumerate(rows):
        if not _is_named(row) or row.keys() != names:
            got = _listed(row) if isinstance(row, dict) else values.kind(row)
            raise InvalidInput(
                f"instances[{position}] has {got}, expected the same names as "
                f"instances[0]: {_listed(names)}"
            )
    return {name: [row[name] for row in rows] for name in names}


def _listed(names: Iterable[str]) -> str:
    """Return the first of *names* for an error, each with its beginning."""
    found = sorted(names)
    text = ", ".join(map(shown, found[:_LISTED]))
    return f"[{text}{', ...' if len(found) > _LISTED else ''}]"


def _from_columns(given: object, specs: Sequence[TensorSpec]) -> dict[str, list[Any]]:
    columns: dict[str, Any] = (
        given
        if isinstance(given, dict)
        else {_only_input(specs, "'inputs' as an object"): given}
    )
    for name, column in columns.items():
        if not isinstance(column, list):
            raise InvalidInput(
                f"input {name!r} is {values.kind(column)}, expected a list of its rows"
            )
    return columns


def _is_named(row: object) -> bool:
    return isinstance(row, dict) and row.keys() != {"b64"}


def _only_input(specs: Sequence[TensorSpec], instead: str) -> str:
    if len(specs) > 1:
        names = ", ".join(repr(spec.name) for spec in specs)
        raise InvalidInput(
            f"the model takes {len(specs)} inputs; write {instead} with {names}"
        )
    return specs[0].name if specs else DEFAULT_INPUT


def _tensor(
    name: str, column: list[Any], spec: TensorSpec | None, max_elements: int
) -> Tensor:
    shape = _nested_shape(column)
    count = element_count(shape, name, max_elements)
    flat = values.flatten(column, shape, count, name)
    data = values.packed(flat, spec.datatype) if spec else None
    datatype = spec.datatype if spec else ""
    if data is None:
        data, datatype = _converted(flat, name, datatype)
    shaped = data.reshape(_fitted(shape, spec))
    return Tensor(name=name, datatype=datatype, data=shaped)


def _converted(flat: list[Any], name: str, datatype: str) -> tuple[Array, str]:
    """Return *flat* as an array of *datatype*, or of the one that it looks like."""
    if dict in set(map(type, flat)):
        flat = [_unpack(value, name) for value in flat]
    datatype = datatype or _guess(flat, name)
    if datatype in INTEGERS:
        flat = [_whole(value) for value in flat]
    if datatype == "BYTES" and bytes in set(map(type, flat)):
        data = values.object_array(_bytes(flat, name))
    else:
        data = values.flat_array(flat, datatype, name)
    return data, datatype


def _bytes(flat: list[Any], name: str) -> list[bytes]:
    for position, value in enumerate(flat):
        if not isinstance(value, (bytes, str)):
            raise InvalidInput(
                f"input {name!r}: element {position} is {values.kind(value)}, expected "
                'a string or {"b64": "..."} for BYTES'
            )
    return [values.as_bytes(value) for value in flat]


def _nested_shape(column: list[Any]) -> list[int]:
    shape: list[int] = []
    level: Any = column
    while isinstance(level, list):
        shape.append(len(level))
        if not level:
            break
        level = level[0]
    return shape


def _fitted(shape: list[int], spec: TensorSpec | None) -> list[int]:
    """Let a scalar stand for a row of one: ``[1, 2]`` fits the shape [-1, 1]."""
    if spec is None or len(shape) >= len(spec.shape):
        return shape
    missing = spec.shape[len(shape) :]
    if all(size in (-1, 1) for size in missing):
        return shape + [1] * len(missing)
    return shape


def _unpack(value: object, name: str) -> object:
    if type(value) is not dict:
        return value
    text = value.get("b64")
    if value.keys() != {"b64"} or not isinstance(text, str):
        raise InvalidInput(
            f"input {name!r}: an element is an object, expected a value or "
            '{"b64": "..."}'
        )
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"input {name!r}: b64 is not base64: {error}") from None


def _whole(value: object) -> object:
    # V1 clients write every number of a data frame as a fraction: 6.0 is the integer 6.
    return int(value) if type(value) is float and value.is_integer() else value


def _guess(flat: list[Any], name: str) -> str:
    kinds = set(map(type, flat))
    if kinds <= {bool}:
        return "BOOL"
    if kinds <= {int}:
        return "UINT64" if max(flat) > _LARGEST_INT64 else "INT64"
    if kinds <= {int, float}:
        return "FP64"
    if kinds <= {str, bytes}:
        return "BYTES"
    names = sorted(values.kind(value) for value in {type(v): v for v in flat}.values())
    raise InvalidInput(
        f"input {name!r} has {' and '.join(names)} among its values; expected only "
        "numbers, only booleans or only strings"
    )


def encode(response: InferResponse, key: str = "predictions") -> dict[str, Any]:
    """Return *response* as the document of V1, for `inferry_server.codec.v2.dump`.

    One output is a list of its rows; several are a list of objects, or an object of
    lists where they have not the same number of rows.
    """
    columns = {tensor.name: _rows(tensor) for tensor in response.outputs}
    if len(columns) == 1:
        return {key: next(iter(columns.values()))}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        return {key: columns}
    rows = zip(*map(_listed_rows, columns.values()), strict=True)
    return {key: [dict(zip(columns, row, strict=True)) for row in rows]}


def _rows(tensor: Tensor) -> Array | list[Any]:
    data = tensor.data if tensor.data.ndim else tensor.data.reshape(1)
    if tensor.datatype != "BYTES":
        array: Array = values.to_json(data, tensor.datatype, tensor.name)
        return array
    texts = [_text(values.as_bytes(item)) for item in data.reshape(-1)]
    rows: list[Any] = values.object_array(texts).reshape(data.shape).tolist()
    return rows


def _listed_rows(column: Array | list[Any]) -> Array | list[Any]:
    """Return whole numbers as Python's, which are quicker to write one by one."""
    if isinstance(column, list) or column.dtype.kind not in "biu":
        return column
    rows: list[Any] = column.tolist()
    return rows


def _text(item: bytes) -> str | dict[str, str]:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return {"b64": b64encode(item).decode("ascii")}
