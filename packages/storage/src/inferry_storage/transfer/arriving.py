"""The entries of a snapshot on their way to files, and what of each is there.

Writers take pieces of bytes in order and say how far they are; an attempt that fails
leaves them where they are, and the next goes on from there.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from inferry.storage import Corrupt, TooLarge, Truncated, shown_uri
from inferry_storage.transfer import digests, target
from inferry_storage.transfer.plan import merged, missing, part_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from inferry.storage import Entry
    from inferry_storage.progress import Reporter
    from inferry_storage.transfer.journal import Journal
    from inferry_storage.transfer.plan import Range
    from inferry_storage.transfer.threads import Pulse, Threads

#: The journal has a line for this many bytes: as much is fetched again at most, for
#: each worker of a process that was killed.
_STEP = 8 * 2**20
_HASHED_AT_ONCE = 2**20


class Writer(Protocol):
    """Takes the bytes of one part, or of one small file."""

    entry: Entry
    at: int
    held: int

    def length(self) -> int | None:
        """Return how many bytes are still to come, None: all to the end."""

    def take(self, piece: bytes) -> None:
        """Take the next piece into memory."""

    def write(self, pulse: Pulse) -> None:
        """Write what is in memory, if its place is the disk."""

    def back(self) -> int:
        """Return how far the next attempt can go on, having gone there."""

    def ended(self) -> None:
        """Check that all bytes came."""


class Context:
    """What all entries of one download share."""

    def __init__(
        self,
        uri: str,
        folder: Path,
        journal: Journal,
        *,
        reporter: Reporter,
        max_bytes: int,
    ) -> None:
        self.uri = shown_uri(uri)
        self.folder = folder
        self.journal = journal
        self.reporter = reporter
        self.max_bytes = max_bytes
        #: For each folder, who makes a file in it.
        self.making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        #: Whether the store has taken back its checksums.
        self.withdrawn = False

    def promise(self, entry: Entry) -> digests.Digest | None:
        """Return what to feed the bytes of *entry* to, None where nothing is to see."""
        if self.withdrawn and digests.is_checksum(entry):
            return None
        return digests.digest(entry)

    def corrupt(self, entry: Entry) -> Corrupt:
        """Return the error for bytes that are not those that were promised."""
        algorithm = (entry.digest or "").partition(":")[0]
        return Corrupt(
            f"{self.uri}: {entry.path} arrived with another {algorithm} than its "
            "store promised",
            remedy="upload the file again",
        )

    def too_long(self, entry: Entry) -> Truncated:
        """Return the error for more bytes than were promised."""
        return Truncated(
            f"{self.uri}: {entry.path} arrived with more than the {entry.size} bytes "
            "that its store promised",
            remedy="upload the file again",
        )

    def too_short(self, entry: Entry, at: int) -> Truncated:
        """Return the error for a body that ended too early."""
        return Truncated(
            f"{self.uri}: {entry.path} arrived with {at} of the {entry.size} bytes "
            "that its store promised",
            remedy="try again, or upload the file again",
        )

    def too_large(self, entry: Entry) -> TooLarge:
        """Return the error for a file that nobody knew the size of."""
        return TooLarge(
            f"{self.uri}: {entry.path} makes the model larger than the "
            f"{self.max_bytes} bytes that are allowed",
            remedy="raise [storage] max_bytes",
        )


class Small:
    """A small file: held in memory until it is whole and checked."""

    def __init__(self, context: Context, entry: Entry, key: str) -> None:
        self.context = context
        self.entry = entry
        self.key = key
        self.at = self.held = 0
        self._size = entry.size or 0
        self.pieces: list[bytes] = []
        self.is_done = self.is_wrong = self.is_retried = False
        self._is_too_long = False

    def length(self) -> int | None:
        """Return None at first: the whole is asked for, so more of it is seen."""
        return None if self.at == 0 < self._size else self._size - self.at

    def take(self, piece: bytes) -> None:
        """Take the next piece into memory."""
        if self.at + len(piece) > self._size:
            self._is_too_long = True
            raise self.context.too_long(self.entry)
        self.at += len(piece)
        self.pieces.append(piece)
        self.context.reporter.count(len(piece))

    def write(self, pulse: Pulse) -> None:
        """Leave it in memory."""

    def back(self) -> int:
        """Keep what has come where a validator says what it is a part of."""
        if self._is_too_long or not _resumes(self.entry):
            self.restart()
        return self.at

    def restart(self) -> None:
        """Forget what has come."""
        self.context.reporter.count(-self.at)
        self.at = 0
        self.is_wrong = self._is_too_long = False
        self.pieces.clear()

    def ended(self) -> None:
        """Check that all bytes came."""
        if self.at < self._size:
            raise self.context.too_short(self.entry, self.at)

    def check(self) -> None:
        """Compare what has come with what was promised.

        Raises:
            Corrupt: It is something else.

        """
        found = self.context.promise(self.entry)
        if found is not None:
            for piece in self.pieces:
                found.update(piece)
        self.is_wrong = not digests.agrees(self.entry, found)
        if self.is_wrong:
            raise self.context.corrupt(self.entry)

    @staticmethod
    def store(files: Sequence[Small], pulse: Pulse) -> None:
        """Write *files*, which are checked, and note them all at once."""
        if not files:
            return
        context = files[0].context
        with pulse.writing(), target.disk_errors(context.folder):
            for each in files:
                making = context.making[each.entry.path.rpartition("/")[0]]
                path = context.folder / each.entry.path
                target.write_small(path, each.pieces, making)
            context.journal.wrote_whole((each.key, each.at) for each in files)
        for each in files:
            each.pieces.clear()
            each.is_done = True


class Large:
    """A large file, or one of unknown size: its parts are written as they come."""

    def __init__(
        self, context: Context, entry: Entry, key: str, done: list[Range], workers: int
    ) -> None:
        self.context = context
        self.entry = entry
        self.key = key
        self.is_retried = False
        self.file = -1
        self._workers = workers
        self._hashing = asyncio.Lock()
        self._forget(done)

    def _forget(self, done: list[Range]) -> None:
        self.done = done
        self._digest = self.context.promise(self.entry)
        self._hashed = 0
        self.left = 0

    def parts(self) -> list[Part]:
        """Open the file and return the parts of it that are still to come."""
        size = self.entry.size
        self._open()
        if size is None or not _resumes(self.entry):
            parts = [Part(self, 0, size)]
        else:
            found = missing(size, self.done, part_size(size, self._workers))
            parts = [Part(self, start, end) for start, end in found]
        self.left = len(parts)
        return parts

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.context.folder / self.entry.path

    def _open(self) -> None:
        if self.file < 0:
            with target.disk_errors(self.context.folder):
                self.file = target.open_part(self.path, self.entry.size)

    def close(self) -> None:
        """Close the file as it is."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def restart(self) -> None:
        """Begin again with nothing, after bytes that were wrong."""
        size = self.entry.size
        there = sum(end - start for start, end in merged(self.done))
        self.context.reporter.count(-there)
        self.context.journal.drop(self.key)
        with target.disk_errors(self.context.folder):
            os.ftruncate(self.file, 0)
            os.ftruncate(self.file, size or 0)
        self._forget([])

    async def hash_along(self, threads: Threads) -> None:
        """Feed to the digest what is there without a gap, from the disk's cache."""
        if not self._is_promised():
            return
        async with self._hashing:
            ready = merged(self.done)
            end = ready[0][1] if ready and ready[0][0] == 0 else 0
            while self._hashed < end:
                # In steps, so that a download that is given up waits for one only.
                await threads.call(self._hash, min(end, self._hashed + _STEP))

    def _hash(self, end: int) -> None:
        digest = self._digest
        if digest is None:
            return
        block = bytearray(_HASHED_AT_ONCE)
        with target.disk_errors(self.context.folder):
            while self._hashed < end:
                self._hashed = target.feed(digest, self.file, self._hashed, end, block)

    def _is_promised(self) -> bool:
        """Say whether there is a digest to compare with, which may be taken back."""
        if self._digest is not None and self.context.promise(self.entry) is None:
            self._digest = None
        return self._digest is not None

    def finish(self) -> bool:
        """Close the file if its digest agrees; say whether it did."""
        if self._is_promised() and not digests.agrees(self.entry, self._digest):
            return False
        with target.disk_errors(self.context.folder):
            file, self.file = self.file, -1
            target.close_whole(file)
        return True


class Part:
    """A range of a large file; ``end`` is None where nobody knows the size."""

    def __init__(self, large: Large, start: int, end: int | None) -> None:
        self.large = large
        self.entry = large.entry
        self.at = self.start = start
        self.end = end
        self.held = 0
        self._noted = start
        self._is_too_long = False
        self._pieces: list[bytes] = []

    def length(self) -> int | None:
        """Return how many bytes are still to come, None: all to the end."""
        if self.end is None or (self.start == 0 and self.end == self.entry.size):
            return None
        return self.end - self.at

    def take(self, piece: bytes) -> None:
        """Take the next piece into memory."""
        count = len(piece)
        if self.end is not None and self.at + self.held + count > self.end:
            self._is_too_long = True
            raise self.large.context.too_long(self.entry)
        context = self.large.context
        self._pieces.append(piece)
        self.held += count
        context.reporter.count(count)
        if self.end is None and context.reporter.done_bytes > context.max_bytes:
            raise context.too_large(self.entry)

    def write(self, pulse: Pulse) -> None:
        """Write what is in memory; note it after that, never before."""
        context = self.large.context
        with pulse.writing(), target.disk_errors(context.folder):
            if self._pieces:
                target.write_at(self.large.file, self._pieces, self.at)
            self.at += self.held
            self._pieces.clear()
            self.held = 0
            if self.at - self._noted >= _STEP or self.at == self.end:
                self._note()

    def back(self) -> int:
        """Keep what is written where a validator says what it is a part of.

        Nothing is kept of a body that had more: what it was the body of is not known.
        """
        reporter = self.large.context.reporter
        reporter.count(-self.held)
        self._pieces.clear()
        self.held = 0
        if self._is_too_long or not _resumes(self.entry):
            if self._is_too_long:
                self.large.context.journal.drop(self.large.key)
            reporter.count(self.start - self.at)
            self.at = self._noted = self.start
            self._is_too_long = False
        elif self.at > self._noted:
            self._note()
        return self.at

    def ended(self) -> None:
        """Check that all bytes came; without a size the digest will tell."""
        if self.end is not None and self.at < self.end:
            raise self.large.context.too_short(self.entry, self.at)

    def _note(self) -> None:
        if _resumes(self.entry):
            self.large.context.journal.wrote(self.large.key, self._noted, self.at)
        self._noted = self.at


def _resumes(entry: Entry) -> bool:
    """Say whether a part of *entry* is worth keeping: it will fit to the rest."""
    return entry.ranges and bool(entry.etag or entry.digest)
