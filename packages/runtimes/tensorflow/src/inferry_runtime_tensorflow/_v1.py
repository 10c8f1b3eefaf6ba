"""The body of V1 as clients of TensorFlow Serving write it, and its answer.

``{"instances": [...]}`` has one item per row and is answered with ``predictions``,
``{"inputs": ...}`` is one value per input and is answered with ``outputs``; see
tensorflow.org/tfx/serving/api_rest. Of one output only its value is given.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput
from inferry.model import DATATYPES, Tensor
from inferry.runtime.tensors import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.runtime.tensors import Array
    from inferry_runtime_tensorflow._signatures import Port, Signature

_SHOWN = 5
_DEEPEST = 32
_FLOATS = {"FP16", "BF16", "FP32", "FP64"}
_KINDS = {
    "BOOL": frozenset({bool}),
    "BYTES": frozenset({str, dict}),
    **dict.fromkeys(_FLOATS, frozenset({int, float})),
}
_WHOLE = frozenset({int, float})
_NAMES = {
    bool: "a boolean",
    dict: "an object",
    float: "a fraction",
    int: "an integer",
    list: "a list",
    str: "a string",
    type(None): "null",
}


def signature_name(body: object) -> str | None:
    """Return the signature that *body* names.

    Raises:
        InvalidInput: The body is no object, or the name no string.

    """
    if not isinstance(body, dict):
        raise InvalidInput(
            f"the body is {_kind(body)}, expected an object with 'instances' or "
            "'inputs'"
        )
    name = body.get("signature_name")
    if name in (None, ""):
        return None
    if not isinstance(name, str):
        raise InvalidInput(f"signature_name is {_kind(name)}, expected a string")
    return name


def read(body: Mapping[str, Any], signature: Signature) -> tuple[Tensor, ...]:
    """Return the tensors of *body* for *signature*.

    Raises:
        InvalidInput: Whatever is wrong with it, naming the input.

    """
    if "instances" in body and "inputs" in body:
        raise InvalidInput("the body has both 'instances' and 'inputs', expected one")
    if "instances" in body:
        columns = _from_rows(body["instances"], signature)
    elif "inputs" in body:
        columns = _from_columns(body["inputs"], signature)
    else:
        found = ", ".join(map(repr, list(body)[:_SHOWN])) or "nothing"
        raise InvalidInput(
            f"the body has neither 'instances' nor 'inputs' (it has {found})"
        )
    return tuple(
        _tensor(name, value, signature.inputs) for name, value in columns.items()
    )


def written(outputs: Iterable[Tensor], *, rows: bool) -> dict[str, Any]:
    """Return the answer: ``predictions`` row by row, else ``outputs`` as they are.

    Raises:
        InvalidInput: The outputs have no rows of one number.

    """
    given = tuple(outputs)
    if not rows:
        columns = {each.name: _values(each) for each in given}
        return {"outputs": columns if len(columns) > 1 else columns[given[0].name]}
    counts = {each.data.shape[0] if each.data.ndim else -1 for each in given}
    if len(counts) > 1 or -1 in counts:
        shapes = ", ".join(f"{each.name!r} {list(each.data.shape)}" for each in given)
        raise InvalidInput(
            f"the outputs have not one row for each instance ({shapes}); ask with "
            "'inputs' instead of 'instances'"
        )
    if len(given) == 1:
        return {"predictions": _values(given[0])}
    lists = [_listed(_values(each)) for each in given]
    names = [each.name for each in given]
    return {
        "predictions": [
            dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)
        ]
    }


def _from_rows(rows: object, signature: Signature) -> dict[str, Any]:
    if not isinstance(rows, list):
        raise InvalidInput(f"'instances' is {_kind(rows)}, expected a list")
    if not rows:
        raise InvalidInput("'instances' is empty, expected at least one")
    if not _is_named(rows[0]):
        return {_only_input(signature, "each instance as an object"): rows}
    names = rows[0].keys()
    for position, row in enumerate(rows):
        if not _is_named(row) or row.keys() != names:
            got = sorted(row)[:_SHOWN] if isinstance(row, dict) else _kind(row)
            raise InvalidInput(
                f"instances[{position}] has {got}, expected the same names as "
                f"instances[0]: {sorted(names)[:_SHOWN]}"
            )
    return {name: [row[name] for row in rows] for name in names}


def _from_columns(given: object, signature: Signature) -> dict[str, Any]:
    if isinstance(given, dict) and _is_named(given):
        return given
    return {_only_input(signature, "'inputs' as an object"): given}


def _only_input(signature: Signature, instead: str) -> str:
    needed = [name for name, port in signature.inputs.items() if port.default is None]
    if len(needed) == 1:
        return needed[0]
    if len(signature.inputs) == 1:
        return next(iter(signature.inputs))
    names = ", ".join(map(repr, signature.inputs))
    raise InvalidInput(
        f"signature {signature.name!r} takes {len(signature.inputs)} inputs; write "
        f"{instead} with {names}"
    )


def _is_named(row: object) -> bool:
    return isinstance(row, dict) and row.keys() != {"b64"}


def _tensor(name: str, value: object, ports: Mapping[str, Port]) -> Tensor:
    port = ports.get(name)
    if port is None:
        raise InvalidInput(
            f"unknown input {name!r}; the model takes {', '.join(map(repr, ports))}"
        )
    datatype = port.spec.datatype
    shape, flat = _flat(name, value)
    if port.ranked:
        shape = _fitted(shape, port.spec.shape)
    array = _array(name, flat, datatype).reshape(shape)
    return Tensor(name=name, datatype=datatype, data=array)


def _flat(name: str, value: object) -> tuple[list[int], list[Any]]:
    """Return the shape of *value* and its elements in C order."""
    shape: list[int] = []
    flat = [value]
    while flat and type(flat[0]) is list:
        length = len(flat[0])
        if len(shape) == _DEEPEST or any(
            type(each) is not list or len(each) != length for each in flat
        ):
            raise InvalidInput(
                f"input {name!r}: its lists are not all of one length and depth"
            )
        shape.append(length)
        flat = list(chain.from_iterable(flat))  # type: ignore[arg-type]
    return shape, flat


def _fitted(shape: list[int], wanted: tuple[int, ...]) -> list[int]:
    """Let a scalar stand for a row of one: ``[1, 2]`` fits the shape [-1, 1]."""
    missing = wanted[len(shape) :]
    if shape and all(size in (-1, 1) for size in missing):
        return shape + [1] * len(missing)
    return shape


def _array(name: str, flat: list[Any], datatype: str) -> Array:
    found = set(map(type, flat))
    if not found <= _KINDS.get(datatype, _WHOLE):
        wrong = ", ".join(
            sorted(_kind_of(each) for each in found - _KINDS.get(datatype, _WHOLE))
        )
        raise InvalidInput(f"input {name!r} has {wrong}, expected {datatype}")
    if datatype == "BYTES":
        return objects([_bytes(name, each) for each in flat], (len(flat),))
    if datatype not in _KINDS and float in found:
        flat = [_whole(name, each, datatype) for each in flat]
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype=DATATYPES[datatype])
    except (OverflowError, ValueError):
        raise InvalidInput(
            f"input {name!r} has a number that {datatype} cannot hold"
        ) from None
    if datatype in _FLOATS and not np.isfinite(array).all():
        raise InvalidInput(f"input {name!r} has a number that {datatype} cannot hold")
    return array


def _whole(name: str, value: float, datatype: str) -> int:
    if type(value) is float and not value.is_integer():
        raise InvalidInput(f"input {name!r} has the fraction {value}, not {datatype}")
    return int(value)


def _bytes(name: str, value: str | dict[str, Any]) -> bytes:
    if isinstance(value, str):
        return value.encode()
    text = value.get("b64")
    if value.keys() != {"b64"} or not isinstance(text, str):
        raise InvalidInput(
            f'input {name!r} has an object, expected a string or {{"b64": "..."}}'
        )
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"input {name!r}: b64 is not base64: {error}") from None


def _values(output: Tensor) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return the value of *output*; one named ``…_bytes`` is always base64."""
    data = output.data
    if output.datatype == "BF16":
        return data.astype(np.float32)
    if output.datatype != "BYTES":
        return data if data.ndim else data.item()
    always = output.name.endswith("_bytes")
    texts = [_text(each, always=always) for each in data.ravel().tolist()]
    return objects(texts, data.shape).tolist()


def _listed(values: Any) -> Sequence[Any]:  # noqa: ANN401 - as above
    """Return the rows of one output; whole numbers as Python's, quicker to write."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biu":
        return values.tolist()  # type: ignore[no-any-return]
    return values  # type: ignore[no-any-return]


def _text(item: bytes, *, always: bool) -> str | dict[str, str]:
    if not always:
        try:
            return item.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": b64encode(item).decode("ascii")}


def _kind(value: object) -> str:
    return _kind_of(type(value))


def _kind_of(found: type) -> str:
    return _NAMES.get(found, found.__name__)
