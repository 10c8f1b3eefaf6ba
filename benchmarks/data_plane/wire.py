"""The few protobuf messages of the V2 protocol that the load needs, written by hand.

The benchmark must not lean on the code that it measures, nor on one peer's stubs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
INFER = "/inference.GRPCInferenceService/ModelInfer"
LIVE = "/inference.GRPCInferenceService/ServerLive"


def infer_request(
    model: str,
    name: str,
    datatype: str,
    shape: Sequence[int],
    *,
    raw: bytes | None = None,
    floats: Sequence[float] = (),
) -> bytes:
    """Return a ModelInferRequest of one tensor, raw or with typed FP32 contents."""
    tensor = field(1, name.encode()) + field(2, datatype.encode())
    tensor += field(3, b"".join(varint(size) for size in shape))
    if floats:
        tensor += field(5, field(6, struct.pack(f"<{len(floats)}f", *floats)))
    message = field(1, model.encode()) + field(5, tensor)
    return message if raw is None else message + field(7, raw)


def tensors(response: bytes) -> dict[str, bytes]:
    """Return the content of each output of a ModelInferResponse, raw or typed."""
    names, typed, raw = [], [], []
    for number, value in fields(response):
        if number == 5:
            tensor = dict(fields(_sent(value)))
            names.append(_sent(tensor[1]).decode())
            typed.append(_content(tensor))
        elif number == 6:
            raw.append(_sent(value))
    return dict(zip(names, raw or typed, strict=True))


def framed(message: bytes) -> bytes:
    """Return *message* behind gRPC's five bytes: not compressed, so long."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def field(number: int, value: bytes) -> bytes:
    """Return a length-delimited field."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Return *value*, which is not negative, in protobuf's base-128 form."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the number and the value of each field of *message*."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _read_varint(message, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}[kind]
        yield key >> 3, message[at : at + size]
        at += size


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _content(tensor: dict[int, bytes | int]) -> bytes:
    """Return typed contents as the raw form has them; INT64 and FP32 only."""
    contents = dict(fields(_sent(tensor.get(5, b""))))
    if 6 in contents:
        return _sent(contents[6])
    if 8 in contents:
        text = _sent(contents[8])
        return len(text).to_bytes(4, "little") + text
    packed, at, values = _sent(contents.get(3, b"")), 0, []
    while at < len(packed):
        value, at = _read_varint(packed, at)
        values.append(value)
    return struct.pack(f"<{len(values)}q", *values)


def _sent(value: bytes | int) -> bytes:
    if isinstance(value, int):
        message = "a length-delimited field was expected"
        raise TypeError(message)
    return value
