"""What a killed download leaves for the next: which bytes of which file are written.

One line per range, appended after its bytes were written: ``key start end``. The key is
made from all that tells one version of a file from another, so notes on a version that
is gone match nothing. The kernel keeps what a killed process wrote; after a loss of
power the whole folder is thrown away by its owner, so nothing is synced here.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from inferry_storage.transfer.plan import JOURNAL, merged
from inferry_storage.transfer.target import disk_errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inferry.storage import Entry
    from inferry_storage.transfer.plan import Range

_LINE = re.compile(rb"([0-9a-f]{32}) (\d{1,19}) (\d{1,19}|-)")


def key(entry: Entry, snapshot: str) -> str:
    """Return what stands for this version of *entry* in the journal."""
    # Without a validator of its own an entry is as old as the snapshot it is in.
    version = entry.etag or entry.digest or f"snapshot {snapshot}"
    text = repr((entry.path, entry.size, version, entry.digest))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Journal:
    """The notes in one folder; opening it reads what an earlier run left there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / JOURNAL
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self._path, flags, 0o600)
        self._found: dict[str, list[Range]] = {}
        self._read()

    def done(self, entry_key: str) -> list[Range]:
        """Return the ranges of an entry that an earlier run has written."""
        return merged(self._found.get(entry_key, ()))

    def wrote(self, entry_key: str, start: int, end: int) -> None:
        """Note that these bytes are in their file; any thread may."""
        self._append(f"{entry_key} {start} {end}\n")

    def wrote_whole(self, files: Iterable[tuple[str, int]]) -> None:
        """Note that all bytes of these files are in them."""
        self._append("".join(f"{entry_key} 0 {size}\n" for entry_key, size in files))

    def drop(self, entry_key: str) -> None:
        """Take back all that was noted of an entry."""
        self._found.pop(entry_key, None)
        self._append(f"{entry_key} 0 -\n")

    def close(self) -> None:
        """Keep the notes for the next run."""
        os.close(self._file)

    def remove(self) -> None:
        """Throw the notes away: all is done."""
        self._path.unlink()

    def _append(self, line: str) -> None:
        with disk_errors(self._folder):
            os.write(self._file, line.encode("ascii"))

    def _read(self) -> None:
        with open(self._file, "rb", closefd=False) as file:
            whole, newline, _torn = file.read().rpartition(b"\n")
        # A line that was cut short must not become the head of the next one.
        os.truncate(self._file, len(whole) + len(newline))
        for line in whole.splitlines():
            if found := _LINE.fullmatch(line):
                self._note(found[1].decode(), int(found[2]), found[3])

    def _note(self, entry_key: str, start: int, end: bytes) -> None:
        if end == b"-":
            self._found.pop(entry_key, None)
        else:
            self._found.setdefault(entry_key, []).append((start, int(end)))
