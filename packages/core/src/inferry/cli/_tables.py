"""How an answer is printed: JSON that stays readable, or a table of its tensors."""

from __future__ import annotations

import json
from math import prod
from typing import Any

_WIDTH = 88
_MAX_ROWS = 1000


def pretty(value: Any, indent: int = 0) -> str:  # noqa: ANN401 - any JSON
    """Write *value* as JSON: on one line where it fits, else one entry per line."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = indent + 2
    if isinstance(value, dict):
        opening, closing = "{}"
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {pretty(item, inner)}"
            for key, item in value.items()
        ]
    elif all(not isinstance(item, dict | list) for item in value):
        return line
    else:
        opening, closing = "[]"
        parts = [pretty(item, inner) for item in value]
    gap = "\n" + " " * inner
    return f"{opening}{gap}{(',' + gap).join(parts)}\n{' ' * indent}{closing}"


def table(answer: Any) -> str:  # noqa: ANN401 - any JSON
    """Write a V1 or V2 answer with one line per row of its outputs."""
    if not isinstance(answer, dict):
        return pretty(answer)
    if isinstance(answer.get("outputs"), list):
        columns = {
            f"{output['name']} {output['datatype']}{output['shape']}": _rows(output)
            for output in answer["outputs"]
        }
    elif isinstance(answer.get("predictions"), list):
        columns = {"predictions": answer["predictions"]}
    else:
        return pretty(answer)
    return _aligned(columns)


def _rows(output: dict[str, Any]) -> list[Any]:
    shape = output["shape"]
    data = list(output["data"])
    if len(shape) < 2 or len(data) != prod(shape):  # noqa: PLR2004 - a vector is its rows
        return data
    width = prod(shape[1:])
    return [data[i : i + width] for i in range(0, len(data), width)] if width else data


def _aligned(columns: dict[str, list[Any]]) -> str:
    height = min(max((len(rows) for rows in columns.values()), default=0), _MAX_ROWS)
    lines = [[name, *map(_cell, rows[:height])] for name, rows in columns.items()]
    widths = [max(map(len, column)) for column in lines]
    padded = [
        [cell.ljust(width) for cell in column]
        + [" " * width] * (height + 1 - len(column))
        for column, width in zip(lines, widths, strict=True)
    ]
    return "\n".join("   ".join(row).rstrip() for row in zip(*padded, strict=True))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
