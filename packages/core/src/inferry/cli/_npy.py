"""Read ``.npy`` files without numpy, which the command line does not need otherwise.

The format: numpy/lib/format.py, "Format Version 1.0" to "3.0".
"""

from __future__ import annotations

import ast
import struct
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"\x93NUMPY"
#: numpy's kind and size -> V2 datatype and struct's code.
_TYPES = {
    "b1": ("BOOL", "?"),
    "i1": ("INT8", "b"),
    "i2": ("INT16", "h"),
    "i4": ("INT32", "i"),
    "i8": ("INT64", "q"),
    "u1": ("UINT8", "B"),
    "u2": ("UINT16", "H"),
    "u4": ("UINT32", "I"),
    "u8": ("UINT64", "Q"),
    "f2": ("FP16", "e"),
    "f4": ("FP32", "f"),
    "f8": ("FP64", "d"),
}
_CODES = dict(_TYPES.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A tensor as V2 sends it in binary: little-endian, C order."""

    datatype: str
    shape: tuple[int, ...]
    data: bytes

    def converted(self, datatype: str) -> Array:
        """Return the same numbers as *datatype*.

        Raises:
            InvalidInput: They do not fit, or one of the types holds no numbers.

        """
        if datatype == self.datatype:
            return self
        if datatype not in _CODES:
            msg = f"{self.datatype} cannot be sent as {datatype}"
            raise InvalidInput(msg)
        count = prod(self.shape)
        values: Any = struct.unpack(f"<{count}{_CODES[self.datatype]}", self.data)
        if not datatype.startswith(("FP", "BOOL")):
            if any(value != int(value) for value in values):
                msg = f"the numbers are no integers, and the model takes {datatype}"
                raise InvalidInput(msg)
            values = map(int, values)
        try:
            data = struct.pack(f"<{count}{_CODES[datatype]}", *values)
        except (struct.error, OverflowError) as error:
            msg = f"the numbers do not fit into {datatype}: {error}"
            raise InvalidInput(msg) from None
        return Array(datatype=datatype, shape=self.shape, data=data)

    def nested(self) -> Any:  # noqa: ANN401 - as deep as the shape
        """Return the numbers as nested lists."""
        count = prod(self.shape)
        values = list(struct.unpack(f"<{count}{_CODES[self.datatype]}", self.data))
        for size in reversed(self.shape[1:]):
            steps = range(0, len(values), size) if size else ()
            values = [values[i : i + size] for i in steps]
        return values if self.shape else values[0]


def parse(content: bytes, *, file: str) -> Array:
    """Parse the content of an ``.npy`` file; pickled objects are refused.

    Raises:
        InvalidInput: It is none, or of a type that V2 does not know.

    """
    try:
        header, start = _header(content)
        descr, fortran = header["descr"], header["fortran_order"]
        shape = tuple(int(dimension) for dimension in header["shape"])
        kind, big = descr[1:], descr[0] == ">"
    except (ValueError, KeyError, SyntaxError, TypeError, struct.error, IndexError):
        msg = f"{file}: this is no .npy file"
        raise InvalidInput(msg, remedy="save it with numpy.save") from None
    if kind not in _TYPES:
        msg = f"{file}: arrays of type {descr} cannot be sent"
        raise InvalidInput(msg, remedy="save numbers, as array.astype('float32')")
    datatype, code = _TYPES[kind]
    size = struct.calcsize(f"<{code}")
    data = content[start:]
    if len(data) != prod(shape) * size:
        msg = f"{file}: the file is cut off or longer than its shape {list(shape)}"
        raise InvalidInput(msg, remedy="save it again")
    if big:
        data = _swapped(data, size)
    if fortran:
        data = _c_order(data, shape, size)
    return Array(datatype=datatype, shape=shape, data=data)


def _header(content: bytes) -> tuple[dict[str, Any], int]:
    if not content.startswith(_MAGIC):
        raise ValueError
    wide = content[6] > 1
    start = 12 if wide else 10
    (length,) = struct.unpack_from("<I" if wide else "<H", content, 8)
    text = content[start : start + length].decode("utf-8")
    header = ast.literal_eval(text.strip())
    if not isinstance(header, dict):
        raise TypeError
    return header, start + length


def _swapped(data: bytes, size: int) -> bytes:
    return b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))


def _c_order(data: bytes, shape: tuple[int, ...], size: int) -> bytes:
    """Reorder *data* from column-major to row-major."""
    return b"".join(
        data[offset * size : (offset + 1) * size] for offset in _offsets(shape)
    )


def _offsets(shape: tuple[int, ...]) -> Iterator[int]:
    strides = [prod(shape[:axis]) for axis in range(len(shape))]
    for index in product(*map(range, shape)):
        yield sum(i * stride for i, stride in zip(index, strides, strict=True))
