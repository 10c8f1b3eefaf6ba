"""Parameters must fill their file, whatever they claim."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_paddle import _parameters

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models


def tensor(*dims: int, kind: int = 5, data: bytes | None = None) -> bytes:
    """Return a tensor as Paddle writes it; of one byte for each number below 128."""
    desc = bytes([8, kind]) + b"".join(bytes([16, size]) for size in dims)
    size = 4
    for each in dims:
        size *= each
    content = bytes(size) if data is None else data
    return struct.pack("<IQII", 0, 0, 0, len(desc)) + desc + content


def test_what_paddle_wrote_is_accepted(models: Models) -> None:
    _parameters.check(models.copy("two") / "model.pdiparams")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tensor(2, 3)[:-1], "1 bytes are missing"),
        (tensor(2, 3) + b"\0" * 5, "requires a buffer"),
        (tensor(120, 120, 120, 120, data=b""), "bytes are missing"),
        (tensor(2, kind=99), "a tensor of type 99"),
        (b"PK\x03\x04" + bytes(40), "no tensor begins at byte 0"),
        (struct.pack("<IQII", 0, 0, 0, 2**31), "no tensor is described at byte 12"),
        (struct.pack("<IQ", 0, 2**40) + bytes(20), "no tensor begins at byte 0"),
    ],
)
def test_what_does_not_fill_its_file_is_refused(
    tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "m.pdiparams"
    path.write_bytes(data)

    with pytest.raises(ModelLoadError, match=said) as caught:
        _parameters.check(path)

    assert caught.value.reason == Reason.ModelCorrupt


def test_two_tensors_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "m.pdiparams"
    path.write_bytes(tensor(2, 3) + tensor(4))

    _parameters.check(path)
