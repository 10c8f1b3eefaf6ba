"""An output as its highest values: ``value:index`` or ``value:index:label``.

Source: Triton, "Classification Extension". Where it says nothing, this does as Triton's
server does: floats have six decimals, a batch has one row of classes for each item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput
from inferry.model import Tensor
from inferry_server.codec.datatypes import FLOATS, INTEGERS, dtype_of
from inferry_server.codec.values import object_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.codec.datatypes import Array

#: The parameter of a requested output that asks for it.
CLASSIFICATION = "classification"


def classes_wanted(value: object, output: str) -> int:
    """Return how many classes *value*, the parameter of *output*, asks for; 0 is none.

    Raises:
        InvalidInput: It is no count.

    """
    if type(value) is not int or not 0 <= value < 2**32:
        raise InvalidInput(
            f"output {output!r}: the parameter {CLASSIFICATION!r} is no number of "
            "classes"
        )
    return value


def classify(
    tensor: Tensor,
    count: int,
    *,
    batched: bool | None = None,
    labels: Sequence[str] = (),
) -> Tensor:
    """Return the *count* highest values of *tensor*, the highest first, as BYTES.

    With *batched* the first dimension counts items, each of which has its own classes:
    shape [items, count]. Otherwise all elements are the classes of one: shape [count].
    None takes the first dimension for items where there is another one.

    Raises:
        InvalidInput: The values of *tensor* have no order.

    """
    if tensor.datatype not in FLOATS | INTEGERS:
        raise InvalidInput(
            f"output {tensor.name!r} is {tensor.datatype}, which cannot be classified; "
            f"ask for it without the parameter {CLASSIFICATION!r}"
        )
    data = tensor.data
    is_batch = data.ndim > 1 if batched is None else batched and data.ndim > 0
    items = data.shape[0] if is_batch else 1
    rows = data.reshape(items, data.size // items if items else 0)
    count = min(count, rows.shape[1])
    texts = [text for row in rows for text in _highest(row, count, labels)]
    shape = (items, count) if is_batch else (count,)
    return Tensor(
        name=tensor.name,
        datatype="BYTES",
        data=object_array(texts).reshape(shape),
        parameters=tensor.parameters,
    )


def _highest(row: Array, count: int, labels: Sequence[str]) -> list[bytes]:
    ranked = _ranked(row)[:count]
    texts = [_text(value) for value in row[ranked].tolist()]
    return [
        f"{text}:{index}:{labels[index]}".encode()
        if index < len(labels)
        else f"{text}:{index}".encode()
        for text, index in zip(texts, ranked.tolist(), strict=True)
    ]


def _ranked(row: Array) -> Array:
    """Return the positions of *row* from the highest value down, ties in order."""
    if row.dtype == dtype_of("FP16", "") or row.dtype.kind not in "iuf":
        row = row.astype(np.float32)  # bfloat16 sorts slowly and without NaN
    if row.dtype.kind == "f":
        row = np.where(np.isnan(row), -np.inf, row)
    backwards = np.argsort(row[::-1], kind="stable")[::-1]
    return row.size - 1 - backwards


def _text(value: Any) -> str:  # noqa: ANN401 - an int or a float
    return f"{value:f}" if isinstance(value, float) else str(int(value))
