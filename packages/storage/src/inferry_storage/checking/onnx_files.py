"""ONNX models whose tensors lie in other files: those must be files of the model.

Only the fields on the way to a tensor's ``external_data`` are read (onnx.proto3 of
ONNX 1.20); everything else is passed over.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from inferry_storage.checking import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

_DEEPEST = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GROUP = {3, 4}
_TAG = 0xFFFFFFFF
_LOCATION = b"location"


#: The fields that lead to external data, by the message that has them.
_FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        **dict.fromkeys((5, 10), "tensor"),
        **dict.fromkeys((6, 11), "graph"),
        **dict.fromkeys((22, 23), "sparse"),
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "pair"},
}


def outside(file: BinaryIO, size: int) -> str:
    """Say which file outside of its model the ONNX model in *file* names, if any."""
    if not size:
        return ""
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
        try:
            for location in _locations(data, 0, size, "model", 0):
                if problem := names.unsafe(location.removeprefix("./")):
                    return f"has tensors in {location!r}, which {problem}"
        except (IndexError, RecursionError):
            # It is no ONNX model, and whoever loads it finds that too.
            return ""
    return ""


def _locations(
    data: mmap.mmap, at: int, end: int, message: str, depth: int
) -> Iterator[str]:
    if depth > _DEEPEST:
        raise RecursionError
    if message == "pair":
        yield from _location(data, at, end)
        return
    for number, start, stop in _fields(data, at, end):
        inner = _FIELDS[message].get(number)
        if inner is not None:
            yield from _locations(data, start, stop, inner, depth + 1)


def _location(data: mmap.mmap, at: int, end: int) -> Iterator[str]:
    parts = {number: data[start:stop] for number, start, stop in _fields(data, at, end)}
    if parts.get(1) == _LOCATION:
        yield parts.get(2, b"").decode("utf-8", "surrogateescape")


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each field that is a message, bytes or text."""
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind in _GROUP:
            # What is in a group is looked at like what is around it.
            continue
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind in {_FIXED64, _FIXED32}:
            at += 8 if kind == _FIXED64 else 4
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > end:
                raise IndexError
            yield (tag & _TAG) >> 3, at, at + length
            at += length
        else:
            raise IndexError


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return value, at
    raise IndexError
