"""Check a file of parameters before Paddle allocates what it claims to hold.

The file is tensors one after the other, each as ``SerializeToStream`` of Paddle writes
it: a version, levels of detail, a version, a protobuf TensorDesc, the elements. Paddle
takes the sizes as they stand, so one wrong bit can ask for more memory than there is.
"""

from __future__ import annotations

import math
import mmap
import struct
from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.runtime.files import readable
from inferry.runtime.protobuf import fields, packed, signed
from inferry.status import Reason

if TYPE_CHECKING:
    from pathlib import Path

_DATA_TYPE, _DIMS = 1, 2
_LARGEST_DESC = 1024
_MOST_LEVELS = 16
#: Bytes of an element by VarType.Type of Paddle's framework.proto.
_SIZES = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16}
_SIZES |= {32: 1, 33: 1}  # the two FP8


def check(path: Path) -> None:
    """Refuse the file at *path* unless its tensors fill it exactly.

    Raises:
        ModelLoadError: It is no file of parameters, or is cut off.

    """
    readable(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as m:
        try:
            with memoryview(m) as data:
                _walk(data)
        except (struct.error, ValueError, KeyError) as error:
            why = str(error)
        else:
            return
    raise ModelLoadError(
        f"{path.name} is no file of Paddle's parameters, or is cut off: {why}",
        reason=Reason.ModelCorrupt,
        remedy="save the model again with paddle.jit.save, or upload it again",
    )


def _walk(data: memoryview) -> None:
    position = 0
    while position < len(data):
        position = _tensor(data, position)
    if position > len(data):
        msg = f"{position - len(data)} bytes are missing"
        raise ValueError(msg)


def _tensor(data: memoryview, position: int) -> int:
    """Return where the tensor that begins at *position* ends."""
    version, levels = struct.unpack_from("<IQ", data, position)
    position += 12
    if version or levels > _MOST_LEVELS:
        msg = f"no tensor begins at byte {position - 12}"
        raise ValueError(msg)
    for _ in range(levels):
        (size,) = struct.unpack_from("<Q", data, position)
        position += 8 + size
    version, size = struct.unpack_from("<II", data, position)
    position += 8
    if version or size > _LARGEST_DESC:
        msg = f"no tensor is described at byte {position - 8}"
        raise ValueError(msg)
    end = position + int(size)
    return end + _bytes(bytes(data[position:end]))


def _bytes(description: bytes) -> int:
    """Return the bytes of the elements of a TensorDesc."""
    kind, dims = -1, []
    for number, value in fields(memoryview(description)):
        if number == _DATA_TYPE and isinstance(value, int):
            kind = value
        elif number == _DIMS and isinstance(value, int):
            dims.append(signed(value))
        elif number == _DIMS and not isinstance(value, int):
            dims += map(signed, packed(value))
    if kind not in _SIZES or any(size < 0 for size in dims):
        msg = f"a tensor of type {kind} and shape {dims}"
        raise ValueError(msg)
    return math.prod(dims) * _SIZES[kind]
