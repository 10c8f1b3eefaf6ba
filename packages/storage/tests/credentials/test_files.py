from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.storage import Unauthenticated
from inferry_storage.credentials.files import MAX_BYTES, read_bytes, read_text

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(Unauthenticated, match="more than"):
        read_bytes(path, step="mounted")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match=r"VARIABLE \(.*\) cannot be read"):
        read_bytes(tmp_path, step="environment", name="VARIABLE")


def test_bytes_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"\xff")
    with pytest.raises(Unauthenticated, match="is no text"):
        read_text(path, step="developer")
