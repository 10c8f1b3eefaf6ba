"""From the tensors of a request to the table of numbers that XGBoost takes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput
from inferry_runtime_xgboost._signature import INPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.model import Tensor
    from inferry_runtime_xgboost._signature import Signature

    Array = np.ndarray[Any, Any]

__all__ = ["table"]

_ROWS_AND_COLUMNS = 2
_SHOWN = 20


def table(signature: Signature, inputs: Sequence[Tensor]) -> Array:
    """Return rows of FP32 numbers; NaN is a value that is missing.

    One tensor called ``input-0`` is the whole table; several, or one named after a
    feature, are its columns.

    Raises:
        InvalidInput: Naming the tensor, what it is and what was expected.

    """
    if len(inputs) == 1 and inputs[0].name == INPUT and INPUT not in signature.names:
        found = _matrix(signature, inputs[0])
    elif not inputs:
        raise InvalidInput(f"the request has no input; the model takes {INPUT!r}")
    elif not signature.names:
        odd = f"unknown input {inputs[0].name!r}" if len(inputs) == 1 else "many inputs"
        raise InvalidInput(
            f"{odd}; the model takes {INPUT!r}, it was trained without feature names"
        )
    else:
        found = _columns(signature, inputs)
    if np.isinf(found).any():
        raise InvalidInput(
            "an input holds an infinite number, or one beyond FP32; "
            "NaN is what stands for a missing value"
        )
    return found


def _matrix(signature: Signature, tensor: Tensor) -> Array:
    data = tensor.data
    if data.ndim != _ROWS_AND_COLUMNS or data.shape[1] != signature.features:
        raise InvalidInput(
            f"input {tensor.name!r} has shape {list(data.shape)}, "
            f"expected [-1, {signature.features}] (-1: any number of rows)"
        )
    return _numbers(tensor)


def _numbers(tensor: Tensor) -> Array:
    data = tensor.data
    if data.dtype == np.float32:
        return data
    if tensor.datatype == "BYTES":
        raise InvalidInput(
            f"input {tensor.name!r} is BYTES, expected numbers, such as FP32"
        )
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return data.astype(np.float32)


def _columns(signature: Signature, inputs: Sequence[Tensor]) -> Array:
    positions = {name: position for position, name in enumerate(signature.names)}
    columns: dict[int, Array] = {}
    for tensor in inputs:
        position = positions.get(tensor.name)
        if position is None or position in columns:
            raise InvalidInput(_odd_name(signature, tensor.name))
        if tensor.data.ndim == 0 or tensor.data.size != tensor.data.shape[0]:
            raise InvalidInput(
                f"input {tensor.name!r} has shape {list(tensor.data.shape)}, "
                "expected [-1]: one value a row"
            )
        columns[position] = _column(signature, position, tensor)
    missing = [name for name, position in positions.items() if position not in columns]
    if missing:
        raise InvalidInput(f"input {_listed(missing)} is missing")
    if len({len(column) for column in columns.values()}) > 1:
        rows = ", ".join(f"{each.name!r} {len(each.data)}" for each in inputs[:_SHOWN])
        raise InvalidInput(f"the inputs differ in their number of rows: {rows}")
    return np.column_stack([columns[position] for position in range(len(positions))])


def _column(signature: Signature, position: int, tensor: Tensor) -> Array:
    codes = signature.categories.get(position)
    if codes is None or not signature.is_category(position):
        return _numbers(tensor).reshape(-1)
    given = tensor.data.reshape(-1).tolist()
    found = np.array([_code(codes, each) for each in given], np.float32)
    wrong = np.flatnonzero(found < 0)
    if wrong.size:
        known = ", ".join(_shown(each) for each in list(codes)[:_SHOWN])
        raise InvalidInput(
            f"input {tensor.name!r} has the category {_shown(given[wrong[0]])}, "
            f"the model knows {known}"
        )
    return found


def _code(codes: Any, value: Any) -> float:  # noqa: ANN401 - text or a number
    """Return the code of a category; NaN where it is missing, -1 if it is unknown."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return np.nan
    return float(codes.get(value, -1))


def _shown(value: Any) -> str:  # noqa: ANN401 - text or a number
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else value)


def _odd_name(signature: Signature, name: str) -> str:
    if name in signature.names:
        return f"input {name!r} is given twice"
    near = get_close_matches(name, signature.names, n=1)
    wanted = f"{INPUT!r} or one input per feature: {_listed(signature.names)}"
    instead = f"did you mean {near[0]!r}?" if near else f"expected {wanted}"
    return f"unknown input {name!r}; {instead}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
