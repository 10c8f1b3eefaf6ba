"""The notes of a killed run: believed where whole, and only for one version."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import DiskFull, Entry
from inferry_storage.transfer.journal import Journal, key
from inferry_storage.transfer.plan import merged

if TYPE_CHECKING:
    from inferry_storage.transfer.plan import Range

KEYS = [key(Entry(path=name, size=1, etag=name), "1") for name in "ab"]


def reopened(folder: Path) -> dict[str, list[Range]]:
    journal = Journal(folder)
    journal.close()
    return {each: journal.done(each) for each in KEYS}


def test_what_was_noted_is_known_to_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.wrote(KEYS[0], 0, 10)
    journal.wrote(KEYS[0], 10, 20)
    journal.wrote(KEYS[1], 5, 6)
    journal.close()

    assert reopened(tmp_path) == {KEYS[0]: [(0, 20)], KEYS[1]: [(5, 6)]}


def test_what_was_taken_back_is_not_known(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.wrote(KEYS[0], 0, 10)
    journal.drop(KEYS[0])
    journal.wrote(KEYS[0], 2, 4)
    journal.close()

    assert reopened(tmp_path)[KEYS[0]] == [(2, 4)]


@pytest.mark.parametrize(
    "line", ["nonsense", f"{KEYS[0]} 1", f"{KEYS[0]} -1 4", "\x00"]
)
def test_a_line_that_is_none_is_left_out(line: str, tmp_path: Path) -> None:
    tmp_path.joinpath(".journal").write_text(f"{line}\n{KEYS[1]} 0 4\n")

    assert reopened(tmp_path) == {KEYS[0]: [], KEYS[1]: [(0, 4)]}


def test_a_journal_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    tmp_path.joinpath("other").write_text("precious")
    tmp_path.joinpath(".journal").symlink_to("other")

    with pytest.raises(OSError, match="symbolic link"):
        Journal(tmp_path)
    assert tmp_path.joinpath("other").read_text() == "precious"


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    journal = Journal(tmp_path)
    monkeypatch.setattr(os, "write", fails)

    with pytest.raises(DiskFull, match="is full"):
        journal.wrote(KEYS[0], 0, 1)
    with pytest.raises(DiskFull, match="is full"):
        journal.drop(KEYS[0])
    monkeypatch.undo()
    journal.close()


def test_removed_notes_are_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.remove()
    journal.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        Entry(path="a", size=2, etag="1", digest="md5:00"),
        Entry(path="a", size=1, etag="2", digest="md5:00"),
        Entry(path="a", size=1, etag="1", digest="md5:01"),
        Entry(path="b", size=1, etag="1", digest="md5:00"),
    ],
)
def test_another_version_has_another_key(other: Entry) -> None:
    one = Entry(path="a", size=1, etag="1", digest="md5:00", location="x")

    assert key(one, "1") == key(one, "2")
    assert key(one, "1") != key(other, "1")


def test_a_file_without_a_validator_is_as_old_as_its_snapshot() -> None:
    entry = Entry(path="a", size=1)

    assert key(entry, "1") != key(entry, "2")


NOTES = st.lists(
    st.tuples(st.sampled_from(KEYS), st.integers(0, 10**12), st.integers(0, 10**12)),
    max_size=10,
)


@given(NOTES, st.integers(0, 400))
def test_a_torn_end_loses_no_more_than_the_last_line(
    notes: list[tuple[str, int, int]], torn: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder)
        for each, start, end in notes:
            journal.wrote(each, start, end)
        journal.close()
        path = folder / ".journal"
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - torn)])
        whole = path.read_bytes().count(b"\n")
        again = Journal(folder)
        again.wrote(KEYS[0], 7, 9)
        again.close()
        found = reopened(folder)

    kept = [*notes[:whole], (KEYS[0], 7, 9)]
    for each in KEYS:
        assert found[each] == merged((s, e) for k, s, e in kept if k == each)
