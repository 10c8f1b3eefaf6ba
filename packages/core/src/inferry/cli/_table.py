"""Rows under a header: a rich table on a terminal, aligned plain text anywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "   "


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* under *header*; columns that hold nothing at all are left out."""
    used = [
        index for index in range(len(header)) if any(row[index] for row in rows)
    ] or range(len(header))
    header = [header[index] for index in used]
    rows = [[row[index] for index in used] for row in rows]
    if _is_terminal():
        _rich(header, rows)
    else:
        _plain(header, rows)


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(_GAP.join(cells).rstrip())


def _rich(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console().print(table)


_STYLES = {
    "allowed": "green",
    "disabled": "dim",
    "failed": "red",
    "incompatible": "red",
    "loaded": "green",
    "shadowed": "yellow",
}
