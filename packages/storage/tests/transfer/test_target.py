"""Files are written whole, whatever the disk does, and nothing else is touched."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

import pytest

from inferry.storage import DiskError, DiskFull
from inferry_storage.transfer import target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_a_disk_that_takes_less_is_given_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, real_one = os.pwritev, os.pwrite

    def less(file: int, pieces: Sequence[bytes], at: int) -> int:
        return real(file, [bytes(pieces[0])[:1]], at)

    def one(file: int, piece: bytes, at: int) -> int:
        return real_one(file, piece[:1], at)

    monkeypatch.setattr(os, "pwritev", less)
    monkeypatch.setattr(os, "pwrite", one)
    file = target.open_part(tmp_path / "a", 6)
    target.write_at(file, [b"ab", memoryview(b"cd")], 1)
    target.close_whole(file)

    assert (tmp_path / "a").read_bytes() == b"\0abcd\0"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o444


def test_a_part_is_opened_as_it_was_left(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    file = target.open_part(tmp_path / "a", 3)
    target.write_at(file, [b"X"], 1)
    os.close(file)

    assert (tmp_path / "a").read_bytes() == b"aXc"


def test_a_file_that_was_complete_can_be_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch(0o444)
    real = os.open
    refusals = [PermissionError(errno.EACCES, "no")]

    def refuse_once(path: Path, *given: int) -> int:
        if refusals:
            raise refusals.pop()
        return real(path, *given)

    monkeypatch.setattr(os, "open", refuse_once)
    os.close(target.open_part(tmp_path / "a", 1))

    assert (tmp_path / "a").stat().st_mode & 0o200


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"precious")
    (tmp_path / "a").symlink_to("other")

    with pytest.raises(OSError, match="symbolic link"):
        target.open_part(tmp_path / "a", 1)
    with pytest.raises(OSError, match="symbolic link"):
        target.write_small(tmp_path / "a", [b"x"], threading.Lock())
    assert (tmp_path / "other").read_bytes() == b"precious"


def test_a_file_of_another_disk_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    (tmp_path / "have").write_bytes(b"abc")
    monkeypatch.setattr(os, "link", fails)

    assert target.link(tmp_path / "have", tmp_path / "a", 3)
    assert (tmp_path / "a").read_bytes() == b"abc"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o444


def test_what_has_another_size_or_is_gone_is_not_linked(tmp_path: Path) -> None:
    (tmp_path / "have").write_bytes(b"abc")

    assert not target.link(tmp_path / "have", tmp_path / "a", 4)
    assert not target.link(tmp_path / "gone", tmp_path / "a", None)


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, DiskFull, 8),
        (errno.EDQUOT, DiskFull, 8),
        (errno.EROFS, DiskError, 8),
    ],
)
def test_what_the_system_says_of_the_disk_is_typed(
    number: int, kind: type[DiskError], code: int, tmp_path: Path
) -> None:
    with pytest.raises(kind) as raised, target.disk_errors(tmp_path):
        raise OSError(number, os.strerror(number))

    assert raised.value.exit_code == code
    assert raised.value.remedy
