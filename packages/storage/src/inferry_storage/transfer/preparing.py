"""Look at what is there already, in the folder and elsewhere, before anything is asked.

Blocking: a thread of the transfer does it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from inferry_storage.transfer import digests, target
from inferry_storage.transfer.arriving import Context, Large, Small
from inferry_storage.transfer.journal import Journal, key
from inferry_storage.transfer.plan import JOURNAL, SMALL, check_room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry.storage import Entry, Snapshot
    from inferry_storage.policy import Policy
    from inferry_storage.progress import Reporter
    from inferry_storage.transfer.plan import Range

    Have = Callable[[Entry], Path | None]


class Prepared:
    """What a transfer has to do, with the folder ready for it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.large: list[Large] = []
        self.small: list[Small] = []
        self._opened: list[Large] = []

    def add_large(self, large: Large) -> None:
        """Add a file that comes in parts, or of which all parts are there."""
        self.large.append(large)
        self._opened.append(large)

    def close(self) -> None:
        """Close every file, and the journal, which stays."""
        for large in self._opened:
            with contextlib.suppress(OSError):
                large.close()
        self.context.journal.close()


def prepare(
    snapshot: Snapshot,
    folder: Path,
    policy: Policy,
    reporter: Reporter,
    have: Have | None,
) -> Prepared:
    """Keep of *folder* what is of *snapshot*, link what is elsewhere, plan the rest.

    Raises:
        StorageError: The disk has no room, or cannot be written.

    """
    with target.disk_errors(folder):
        journal = Journal(folder)
        try:
            context = Context(
                snapshot.uri,
                folder,
                journal,
                reporter=reporter,
                max_bytes=policy.max_bytes,
            )
            return _Preparing(snapshot, context, policy).run(have)
        except BaseException:
            journal.close()
            raise


class _Preparing:
    def __init__(self, snapshot: Snapshot, context: Context, policy: Policy) -> None:
        self._snapshot = snapshot
        self._context = context
        self._policy = policy
        self._folder = context.folder
        self._prepared = Prepared(context)
        self._needed = 0
        self._done_files = 0

    def run(self, have: Have | None) -> Prepared:
        entries = self._snapshot.entries
        keys = [key(entry, self._snapshot.id) for entry in entries]
        done = [self._kept(*pair) for pair in zip(entries, keys, strict=True)]
        kept = {e.path for e, ranges in zip(entries, done, strict=True) if ranges}
        target.sweep(self._folder, kept | {JOURNAL})
        target.make_folders(self._folder, (entry.path for entry in entries))
        for entry, entry_key, ranges in zip(entries, keys, done, strict=True):
            if ranges or have is None or not self._linked(entry, have(entry)):
                self._add(entry, entry_key, ranges)
        files = len(entries) - self._done_files - len(kept)
        check_room(self._snapshot.uri, self._needed, files, self._folder)
        self._context.reporter.file_done(self._done_files)
        return self._prepared

    def _kept(self, entry: Entry, entry_key: str) -> list[Range]:
        """Return what an earlier run has written of this very file."""
        ranges = self._context.journal.done(entry_key)
        if not ranges:
            return []
        path = self._folder / entry.path
        if path.is_symlink() or not path.is_file():
            return []
        size = entry.size
        # The file was made in its whole size before its first byte was written.
        if size is None or path.stat().st_size != size or ranges[-1][1] > size:
            return []
        return ranges

    def _linked(self, entry: Entry, found: Path | None) -> bool:
        path = self._folder / entry.path
        if found is None or not target.link(found, path, entry.size):
            return False
        self._done(entry)
        return True

    def _done(self, entry: Entry) -> None:
        self._context.reporter.found(entry.size or 0)
        self._done_files += 1

    def _add(self, entry: Entry, entry_key: str, ranges: list[Range]) -> None:
        there = sum(end - start for start, end in ranges)
        self._needed += (entry.size or 0) - there
        if entry.size is None or entry.size > SMALL:
            self._context.reporter.found(there)
            workers = self._policy.workers
            self._prepared.add_large(
                Large(self._context, entry, entry_key, ranges, workers)
            )
        elif ranges == [(0, entry.size)] and self._is_whole(entry):
            self._done(entry)
        else:
            self._prepared.small.append(Small(self._context, entry, entry_key))

    def _is_whole(self, entry: Entry) -> bool:
        """Say whether the file is there with the digest that it should have."""
        path = self._folder / entry.path
        digest = digests.digest(entry)
        if digest is not None:
            digest.update(path.read_bytes())
        if digests.agrees(entry, digest):
            return True
        path.unlink()
        return False
