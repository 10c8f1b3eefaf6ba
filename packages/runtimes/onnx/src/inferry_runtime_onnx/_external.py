"""Check where an ONNX file keeps its weights, before onnxruntime opens anything.

A model may name other files that hold its tensors. Their names come from whoever made
the model, so they are read from the protobuf itself (onnx.proto of ONNX 1.x; only the
fields on the way to a tensor, nothing is decoded or copied) and must lie in the model's
own folder.
"""

from __future__ import annotations

import mmap
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 70
_Span = tuple[int, int]
_MAX_DEPTH = 64
# Message -> the fields that lead to tensors, and what they hold.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"}
    | {22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


def check(path: Path) -> None:
    """Refuse the model at *path* if its tensors lie outside its folder, or nowhere.

    A symbolic link is followed; it may point into the model's folder or, for stores
    that link every file, into the folder where the model file itself really is.

    Raises:
        ModelLoadError: Unsafe, missing, or the file is no ONNX model at all.

    """
    for location in sorted(locations(path)):
        _check_location(path, location)


def locations(path: Path) -> set[str]:
    """Return the names of the files that hold tensors of the model at *path*."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as m:
        try:
            return set(_walk(m, (0, len(m)), "model", 0))
        except (IndexError, ValueError):
            raise ModelLoadError(
                f"{path} is not an ONNX model, or is cut off",
                reason=Reason.ModelCorrupt,
                remedy="save or upload the model again",
            ) from None


def _check_location(path: Path, location: str) -> None:
    posix, windows = PurePosixPath(location), PureWindowsPath(location)
    outside = posix.is_absolute() or windows.drive or windows.root
    folders = {path.parent.resolve(), path.resolve().parent}
    target = (path.parent / location).resolve()
    if not location or outside or ".." in {*posix.parts, *windows.parts}:
        unsafe = True
    else:
        unsafe = not any(target.is_relative_to(folder) for folder in folders)
    if unsafe:
        raise ModelLoadError(
            f"{path.name} keeps tensors in {location!r}, outside its own folder",
            reason=Reason.ModelUnsafe,
            remedy="save the model with its data files beside it",
        )
    if not target.is_file():
        raise ModelLoadError(
            f"{path.name} keeps tensors in {location!r}, which is not beside it",
            reason=Reason.ModelNotFound,
            remedy=f"put {location} into the model's folder",
        )


def _walk(data: mmap.mmap, span: _Span, kind: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        msg = "too many graphs within graphs"
        raise ValueError(msg)
    children = _FIELDS[kind]
    for number, value in _fields(data, span):
        child = children.get(number)
        if child is None or value is None:
            continue
        if child == "entry":
            yield from _location(data, value)
        else:
            yield from _walk(data, value, child, depth + 1)


def _location(data: mmap.mmap, span: _Span) -> Iterator[str]:
    """Yield the value of a StringStringEntryProto whose key is ``location``."""
    pair = {
        number: data[slice(*value)] for number, value in _fields(data, span) if value
    }
    if pair.get(1) == b"location":
        yield pair.get(2, b"").decode()


def _fields(data: mmap.mmap, span: _Span) -> Iterator[tuple[int, _Span | None]]:
    """Yield each field's number, and where its bytes are if it has a length."""
    position, end = span
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        value = None
        if wire == _VARINT:
            _, position = _varint(data, position)
        elif wire == _FIXED64:
            position += 8
        elif wire == _FIXED32:
            position += 4
        elif wire == _BYTES:
            length, position = _varint(data, position)
            value = (position, position + length)
            position += length
        else:
            msg = f"wire type {wire}"
            raise ValueError(msg)
        if position > end or number == 0:
            msg = "cut off"
            raise ValueError(msg)
        yield number, value


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    result = shift = 0
    while shift < _MAX_VARINT:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of a varint
            return result, position
        shift += 7
    msg = "varint too long"
    raise ValueError(msg)
