"""Make V2 requests that fit a model from plain values, rows and files."""

from __future__ import annotations

import csv
import io
import json
import struct
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferry.cli._npy import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a model; -1 in ``shape`` is a dimension of any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.datatype}, shape {list(self.shape)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A request's body and the headers it needs."""

    content: bytes
    headers: dict[str, str]


def inputs_of(metadata: Any) -> list[Input]:  # noqa: ANN401 - any JSON
    """Return the inputs that a V2 metadata answer lists; none where it lists none."""
    found = metadata.get("inputs") if isinstance(metadata, dict) else None
    return [
        Input(
            name=str(item["name"]),
            datatype=str(item["datatype"]),
            shape=tuple(int(dimension) for dimension in item["shape"]),
        )
        for item in found or []
    ]


def json_body(value: object) -> Body:
    """Return *value* as a JSON body."""
    return Body(content=json.dumps(value).encode(), headers={})


def from_values(values: Any, inputs: Sequence[Input]) -> Body:  # noqa: ANN401 - any JSON
    """Make a request from nested lists, or from an object with a list per input.

    Raises:
        InvalidInput: The values do not fit what the model takes.

    """
    if isinstance(values, dict):
        by_name = values
    elif len(inputs) == 1:
        by_name = {inputs[0].name: values}
    else:
        by_name = _columns(values, inputs)
    known = {item.name: item for item in inputs}
    for name in by_name.keys() - known.keys():
        msg = f"the model has no input {name!r}"
        raise InvalidInput(msg, remedy=f"it takes {takes(inputs)}")
    tensors = [_tensor(known[name], value) for name, value in by_name.items()]
    return json_body({"inputs": tensors})


def from_csv(text: str, inputs: Sequence[Input]) -> Body:
    """Make a request from the rows of a CSV file; a header line is found by itself.

    Raises:
        InvalidInput: There are no rows, or they do not fit the model.

    """
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    header = _has_header(rows, inputs)
    names, rows = (rows[0], rows[1:]) if header else ([], rows)
    if not rows:
        msg = "the CSV file holds no rows"
        raise InvalidInput(msg)
    if any(len(row) != len(rows[0]) for row in rows):
        msg = "the rows of the CSV file are not equally long"
        raise InvalidInput(msg)
    known = {item.name for item in inputs}
    if len(inputs) > 1 and names and known <= set(names):
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        values: Any = {
            item.name: [_cell(cell, item) for cell in columns[item.name]]
            for item in inputs
        }
        return from_values(values, inputs)
    if len(inputs) == 1:
        values = [[_cell(cell, inputs[0]) for cell in row] for row in rows]
        return from_values(values, inputs)
    return from_values([[_number(cell) for cell in row] for row in rows], inputs)


def csv_rows(text: str) -> list[list[object]]:
    """Return the rows of a CSV file with numbers as numbers, without a header line."""
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if _has_header(rows, [Input(name=" ", datatype="FP64", shape=())]):
        del rows[0]
    return [[_number(cell) for cell in row] for row in rows]


def from_array(array: Array, inputs: Sequence[Input]) -> Body:
    """Make a request with one binary tensor, converted to what the model takes.

    Raises:
        InvalidInput: The model takes several tensors, or other numbers.

    """
    target = _only(inputs, "an array")
    shape = _batched(array.shape, target)
    array = array.converted(target.datatype)
    return _binary(target, shape, array.data)


def from_bytes(content: bytes, inputs: Sequence[Input]) -> Body:
    """Make a request with the bytes of a file as the only tensor.

    Raises:
        InvalidInput: The model takes something else than bytes.

    """
    target = _only(inputs, "a file's bytes")
    rank = len(target.shape)
    if target.datatype == "BYTES":
        data = struct.pack("<I", len(content)) + content
        return _binary(target, (1,) * max(rank, 1), data)
    if target.datatype == "UINT8" and rank in {1, 2}:
        return _binary(
            target, (len(content),) if rank == 1 else (1, len(content)), content
        )
    msg = f"the model takes no bytes but {target}"
    raise InvalidInput(msg, remedy="give --data, --json, or a .json, .npy or .csv file")


def takes(inputs: Sequence[Input]) -> str:
    """Return what a model takes, for messages."""
    return ", ".join(map(str, inputs)) or "unknown inputs"


def _only(inputs: Sequence[Input], what: str) -> Input:
    if len(inputs) == 1:
        return inputs[0]
    msg = f"{what} cannot be sent: the model takes {takes(inputs)}"
    raise InvalidInput(msg, remedy="write the whole request as --json")


def _binary(target: Input, shape: Sequence[int], data: bytes) -> Body:
    """Use the binary tensor extension of V2: JSON first, then the bytes."""
    tensor = {
        "name": target.name,
        "datatype": target.datatype,
        "shape": list(shape),
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    return Body(content=head + data, headers=headers)


def _tensor(target: Input, values: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    shape = tuple(_shape(values))
    flat = list(_flat(values))
    if len(flat) != prod(shape):
        msg = f"the values for input {target.name!r} are nested unequally"
        raise InvalidInput(msg, remedy="give each row as many values as the others")
    return {
        "name": target.name,
        "datatype": target.datatype,
        "shape": list(_batched(shape, target)),
        "data": [_value(value, target) for value in flat],
    }


def _batched(shape: tuple[int, ...], target: Input) -> tuple[int, ...]:
    """Fit *shape* to the model: one row becomes a batch of one, values a column."""
    missing = len(target.shape) - len(shape)
    if missing == 1 and target.shape[-1] == 1 and target.shape[0] != 1 and shape:
        return (*shape, 1)
    return (1,) * max(missing, 0) + shape


def _columns(values: Any, inputs: Sequence[Input]) -> dict[str, list[Any]]:  # noqa: ANN401
    """Split rows into a list per input."""
    rows = values if isinstance(values, list) else [values]
    rows = rows if rows and isinstance(rows[0], list) else [rows]
    if not inputs or any(
        not isinstance(row, list) or len(row) != len(inputs) for row in rows
    ):
        msg = f"each row needs {len(inputs)} values: the model takes {takes(inputs)}"
        raise InvalidInput(msg, remedy='or write {"input name": [values], ...}')
    columns = zip(*rows, strict=True)
    return {
        item.name: list(column) for item, column in zip(inputs, columns, strict=True)
    }


def _shape(values: Any) -> Iterator[int]:  # noqa: ANN401
    while isinstance(values, list):
        yield len(values)
        if not values:
            return
        values = values[0]


def _flat(values: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(values, list):
        for value in values:
            yield from _flat(value)
    else:
        yield values


def _value(value: object, target: Input) -> object:
    if target.datatype == "BYTES" and not isinstance(value, str):
        return json.dumps(value)
    return value


def _has_header(rows: Sequence[Sequence[str]], inputs: Sequence[Input]) -> bool:
    """Say whether row one names columns: inputs' names, or text over numbers."""
    if not rows:
        return False
    if {item.name for item in inputs} <= set(rows[0]):
        return True
    if len(rows) == 1:
        return not any(map(_is_number, rows[0])) and not _takes_text(inputs)
    return any(
        not _is_number(first) and _is_number(second)
        for first, second in zip(rows[0], rows[1], strict=False)
    )


def _takes_text(inputs: Sequence[Input]) -> bool:
    return any(item.datatype == "BYTES" for item in inputs)


def _cell(cell: str, target: Input) -> object:
    return cell if target.datatype == "BYTES" else _number(cell, target.datatype)


def _number(cell: str, datatype: str = "") -> object:
    text = cell.strip()
    if datatype == "BOOL" and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if not _is_number(text):
        if datatype:
            msg = f"{text!r} is no number, and the model takes {datatype}"
            raise InvalidInput(msg)
        return text
    number = float(text)
    whole = number.is_integer() and not datatype.startswith("FP")
    return int(number) if whole else number


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
