"""From the tensors of a request to a table of numbers, whole or column by column.

What models of tabular data share: columns have names perhaps, and categories are
numbered in an order that only the model knows. Needs numpy.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.errors import InvalidInput
from inferry.model import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.model import Tensor

    Array = np.ndarray[Any, Any]

__all__ = ["INPUT", "Table"]

#: The input that is the whole table, as KServe's examples call it.
INPUT = "input-0"
_ROWS_AND_COLUMNS = 2
_SHOWN = 20
_DATATYPES = {"float32": "FP32", "float64": "FP64"}


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The table that a model takes: so many columns of *dtype*, with names perhaps.

    ``codes`` has, for a column of categories, the number of each: texts are bytes.
    ``missing`` says that an unknown category counts as a value that is missing, else
    it is refused. ``exact`` are types of numpy that are taken as they are, besides
    *dtype*; every other number is converted.
    """

    features: int
    dtype: str = "float32"
    names: tuple[str, ...] = ()
    codes: Mapping[int, Mapping[Any, int]] = {}
    missing: bool = False
    exact: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The one input that holds the whole table."""
        datatype = _DATATYPES[self.dtype]
        return (TensorSpec(name=INPUT, datatype=datatype, shape=(-1, self.features)),)

    def read(self, inputs: Sequence[Tensor], *, frame: bool = False) -> Array:
        """Return the rows of *inputs*; NaN is a value that is missing.

        One tensor called ``input-0`` is the whole table; several, or one named after a
        column, are its columns. With *frame*, ``content_type: pd`` of MLServer's
        clients, as many tensors as there are columns are these in their order, where
        they have no names.

        Raises:
            InvalidInput: Naming the tensor, what it is and what was expected.

        """
        if len(inputs) == 1 and inputs[0].name == INPUT and INPUT not in self.names:
            return self._matrix(inputs[0])
        if not inputs:
            raise InvalidInput(f"the request has no input; the model takes {INPUT!r}")
        if self.names:
            return self._columns(inputs)
        if frame and len(inputs) == self.features:
            for each in inputs:
                _check_column(each)
            return self._in_order(inputs)
        odd = next((each.name for each in inputs if each.name != INPUT), INPUT)
        said = f"unknown input {odd!r}" if odd != INPUT else f"input {INPUT!r} is twice"
        raise InvalidInput(
            f"{said}; the model takes {INPUT!r}, it was trained without feature names"
        )

    def _matrix(self, tensor: Tensor) -> Array:
        data = tensor.data
        if data.ndim != _ROWS_AND_COLUMNS or data.shape[1] != self.features:
            raise InvalidInput(
                f"input {tensor.name!r} has shape {list(data.shape)}, "
                f"expected [-1, {self.features}] (-1: any number of rows)"
            )
        return self._numbers(tensor)

    def _numbers(self, tensor: Tensor) -> Array:
        data = tensor.data
        if data.dtype.name == self.dtype or data.dtype.name in self.exact:
            return data
        if tensor.datatype == "BYTES":
            raise InvalidInput(
                f"input {tensor.name!r} is BYTES, expected numbers, such as "
                f"{_DATATYPES[self.dtype]}"
            )
        with np.errstate(
            over="ignore"
        ):  # it becomes infinite, which a model may refuse
            return data.astype(self.dtype)

    def _columns(self, inputs: Sequence[Tensor]) -> Array:
        positions = {name: position for position, name in enumerate(self.names)}
        found: dict[int, Tensor] = {}
        for tensor in inputs:
            position = positions.get(tensor.name)
            if position is None or position in found:
                raise InvalidInput(_odd_name(self.names, tensor.name))
            _check_column(tensor)
            found[position] = tensor
        missing = [
            name for name, position in positions.items() if position not in found
        ]
        if missing:
            raise InvalidInput(f"input {_listed(missing)} is missing")
        return self._in_order([found[position] for position in range(len(positions))])

    def _in_order(self, inputs: Sequence[Tensor]) -> Array:
        columns = [self._column(*each) for each in enumerate(inputs)]
        if len({len(column) for column in columns}) > 1:
            rows = ", ".join(
                f"{each.name!r} {len(each.data)}" for each in inputs[:_SHOWN]
            )
            raise InvalidInput(f"the inputs differ in their number of rows: {rows}")
        return np.column_stack(columns)

    def _column(self, position: int, tensor: Tensor) -> Array:
        codes = self.codes.get(position)
        if codes is None:
            return self._numbers(tensor).reshape(-1)
        given = tensor.data.reshape(-1).tolist()
        found = np.array([_code(codes, each) for each in given], self.dtype)
        if self.missing:
            found[found < 0] = np.nan
        wrong = np.flatnonzero(found < 0)
        if wrong.size:
            known = ", ".join(_shown(each) for each in list(codes)[:_SHOWN])
            raise InvalidInput(
                f"input {tensor.name!r} has the category {_shown(given[wrong[0]])}, "
                f"the model knows {known}"
            )
        return found


def _check_column(tensor: Tensor) -> None:
    if tensor.data.ndim == 0 or tensor.data.size != tensor.data.shape[0]:
        raise InvalidInput(
            f"input {tensor.name!r} has shape {list(tensor.data.shape)}, "
            "expected [-1]: one value a row"
        )


def _code(codes: Any, value: Any) -> float:  # noqa: ANN401 - text or a number
    """Return the code of a category; NaN where it is missing, -1 if it is unknown."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return np.nan
    return float(codes.get(value, -1))


def _shown(value: Any) -> str:  # noqa: ANN401 - text or a number
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else value)


def _odd_name(names: Sequence[str], name: str) -> str:
    if name in names:
        return f"input {name!r} is given twice"
    if name == INPUT:
        return f"input {INPUT!r} is the whole table, no other input goes with it"
    near = get_close_matches(name, names, n=1)
    wanted = f"{INPUT!r} or one input per feature: {_listed(names)}"
    instead = f"did you mean {near[0]!r}?" if near else f"expected {wanted}"
    return f"unknown input {name!r}; {instead}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
