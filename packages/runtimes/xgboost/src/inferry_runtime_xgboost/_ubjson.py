"""Read UBJSON as XGBoost writes it, without its native reader.

That one ends the process on files that are cut off or changed. Arrays of numbers become
numpy arrays that point into the file's bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decode"]

_MAX_DEPTH = 32
_NUMBERS = {
    "i": ">i1",
    "U": ">u1",
    "I": ">i2",
    "l": ">i4",
    "L": ">i8",
    "d": ">f4",
    "D": ">f8",
}
_TYPES = {marker: np.dtype(kind) for marker, kind in _NUMBERS.items()}
_SCALARS = {
    marker: struct.Struct(">" + dtype.char) for marker, dtype in _TYPES.items()
} | {"L": struct.Struct(">q")}
_CONSTANTS = {"T": True, "F": False, "Z": None}


def decode(data: bytes) -> Any:  # noqa: ANN401 - any document
    """Return the document that is the whole of *data*.

    Raises:
        ValueError: It is cut off, too deep, or nothing that XGBoost writes.

    """
    reader = _Reader(data)
    try:
        found = reader.value(0)
    except (struct.error, IndexError):
        raise ValueError("it is cut off") from None
    if reader.position != len(data):
        raise ValueError("bytes follow after its end")
    return found


class _Reader:
    """A place in the bytes of one document."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def value(self, depth: int) -> Any:  # noqa: ANN401 - any document
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        marker = self._marker()
        if marker == "{":
            return self._object(depth)
        if marker == "[":
            return self._array(depth)
        if marker == "S":
            return self._text()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in _SCALARS:
            return self._scalar(marker)
        raise ValueError(f"unknown marker at byte {self.position - 1}")

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._data[self.position] != ord("}"):
            key = self._text()
            if key in found:
                raise ValueError(f"{key!r} is there twice")
            found[key] = self.value(depth + 1)
        self.position += 1
        return found

    def _array(self, depth: int) -> Any:  # noqa: ANN401 - a list or an array
        marker = self._marker()
        if marker == "$":
            kind = self._marker()
            if kind not in _TYPES or self._marker() != "#":
                raise ValueError(f"unknown array at byte {self.position}")
            return self._numbers(_TYPES[kind])
        if marker == "#":
            return self._list(self._length(), lambda: self.value(depth + 1))
        raise ValueError(f"unknown array at byte {self.position}")

    def _numbers(self, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        length = self._length()
        start = self.position
        self._skip(length * dtype.itemsize)
        return np.frombuffer(self._data, dtype, length, start)

    def _list(self, length: int, item: Callable[[], Any]) -> list[Any]:
        # Each item takes a byte at least, so a wrong length ends by itself.
        return [item() for _ in range(length)]

    def _text(self) -> str:
        length = self._length()
        start = self.position
        self._skip(length)
        return self._data[start : self.position].decode()

    def _length(self) -> int:
        if self._marker() != "L":
            raise ValueError(f"no length at byte {self.position - 1}")
        length = int(self._scalar("L"))
        if length < 0:
            raise ValueError(f"a negative length at byte {self.position}")
        return length

    def _scalar(self, marker: str) -> int | float:
        layout = _SCALARS[marker]
        found: int | float = layout.unpack_from(self._data, self.position)[0]
        self.position += layout.size
        return found

    def _skip(self, size: int) -> None:
        if size > len(self._data) - self.position:
            raise ValueError("it is cut off")
        self.position += size

    def _marker(self) -> str:
        marker = chr(self._data[self.position])
        self.position += 1
        return marker
