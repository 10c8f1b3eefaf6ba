"""NumPy's files: an array of objects is a pickle.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 64 * 1024
#: Numbers, text, bytes, raw bytes and times, in the short notation that NumPy writes.
_PLAIN = re.compile(r"[|<>=]?[?bBhHiIlLqQefdgFDGSUVmMc]\d*(\[\w+\])?")


def is_array(head: bytes) -> bool:
    """Say whether a file that begins with *head* is an array."""
    return head.startswith(_MAGIC)


def holds_objects(file: BufferedReader) -> bool:
    """Read the header of *file*; say whether what follows may be a pickle."""
    start = file.read(len(_MAGIC) + 2)
    width = 2 if start[-2:-1] == b"\x01" else 4
    length = int.from_bytes(file.read(width), "little")
    if length > _LONGEST_HEADER:
        return True
    try:
        header = ast.literal_eval(file.read(length).decode("latin-1").strip())
        return not all(map(_PLAIN.fullmatch, _types(header["descr"])))
    except (
        ValueError,
        SyntaxError,
        MemoryError,
        RecursionError,
        LookupError,
        TypeError,
    ):
        return True


def _types(description: Any) -> Iterator[str]:  # noqa: ANN401 - a literal of any shape
    """Yield the types in a description: of the fields, and of the fields' fields."""
    if isinstance(description, str):
        yield description
    elif isinstance(description, tuple):
        yield from _types(description[0])
    else:
        for field in description:
            yield from _types(field[1])
