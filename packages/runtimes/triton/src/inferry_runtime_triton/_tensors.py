"""Tensors as V2's raw bytes, and back."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InferenceError
from inferry.model import DATATYPES, Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTH = struct.Struct("<I")
_BFLOAT16 = "BF16"


def to_bytes(tensor: Tensor) -> bytes:
    """Return the elements of *tensor* as they travel."""
    data = tensor.data
    if tensor.datatype != "BYTES":
        return data.tobytes()
    parts: list[bytes] = []
    for element in data.ravel():
        parts += (_LENGTH.pack(len(element)), element)
    return b"".join(parts)


def from_bytes(
    name: str, datatype: str, shape: Sequence[int], raw: bytes | memoryview
) -> Tensor:
    """Return the tensor whose elements are *raw*.

    Raises:
        InferenceError: They do not fill *shape*.

    """
    try:
        data = _texts(raw) if datatype == "BYTES" else _numbers(datatype, raw)
        return Tensor(name=name, datatype=datatype, data=data.reshape(tuple(shape)))
    except (KeyError, ValueError, struct.error) as error:
        raise InferenceError(
            f"Triton gave {len(raw)} bytes for the output {name!r} of {datatype} "
            f"{list(shape)}"
        ) from error


def _numbers(datatype: str, raw: bytes | memoryview) -> np.ndarray[Any, Any]:
    if datatype == _BFLOAT16:
        import ml_dtypes

        return np.frombuffer(raw, ml_dtypes.bfloat16)
    return np.frombuffer(raw, np.dtype(DATATYPES[datatype]))


def _texts(raw: bytes | memoryview) -> np.ndarray[Any, Any]:
    view = memoryview(raw)
    found: list[bytes] = []
    at = 0
    while at < len(view):
        (length,) = _LENGTH.unpack_from(view, at)
        at += _LENGTH.size
        if at + length > len(view):
            msg = "an element ends after the tensor"
            raise ValueError(msg)
        found.append(bytes(view[at : at + length]))
        at += length
    made = np.empty(len(found), dtype=object)
    made[:] = found
    return made
