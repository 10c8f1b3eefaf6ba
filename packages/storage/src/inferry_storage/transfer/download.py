"""From a snapshot's entries to files in a folder: bounded, checked, resumed."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import time
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from inferry.errors import StorageError
from inferry.status import Reason
from inferry.storage import Changed, shown_uri
from inferry_storage.checking import names
from inferry_storage.transfer.digests import Digest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path
    from typing import BinaryIO

    from inferry.storage import Entry, Snapshot, Storage
    from inferry_storage.policy import Policy
    from inferry_storage.progress import Reporter

_ATTEMPTS = 4
_BACKOFF = 0.5
#: Less than this within ``stall_seconds`` is no progress.
_LEAST_PROGRESS = 16 * 1024
_FREE_SHARE = 0.95


async def download(
    snapshot: Snapshot,
    storage: Storage,
    folder: Path,
    *,
    policy: Policy,
    reporter: Reporter,
) -> None:
    """Write every entry of *snapshot* below *folder*, of its promised size and digest.

    Raises:
        StorageError: Unsafe names, too large, cut off, stalled, the disk is full.

    """
    _check(snapshot, folder, policy)
    try:
        async with asyncio.timeout(policy.deadline_seconds or None):
            for entry in snapshot.entries:
                await _File(snapshot, entry, storage, policy, reporter).write(folder)
                reporter.file_done()
    except TimeoutError:
        raise StorageError(
            f"{shown_uri(snapshot.uri)} took longer than {policy.deadline_seconds:g} s",
            reason=Reason.StorageUnreachable,
            remedy="raise [storage] deadline_seconds",
        ) from None
    except OSError as error:
        raise _disk_error(folder, error) from error


def _check(snapshot: Snapshot, folder: Path, policy: Policy) -> None:
    """Refuse before the first byte what cannot end well."""
    if not snapshot.entries:
        raise StorageError(
            f"{shown_uri(snapshot.uri)} holds no files", reason=Reason.StorageNotFound
        )
    names.check(entry.path for entry in snapshot.entries)
    total = sum(entry.size or 0 for entry in snapshot.entries)
    if total > policy.max_bytes:
        raise _too_large(snapshot, policy)
    free = int(shutil.disk_usage(folder).free * _FREE_SHARE)
    if total > free:
        raise StorageError(
            f"{shown_uri(snapshot.uri)} has {total} bytes, "
            f"{folder} has room for {free}",
            reason=Reason.StorageFull,
            remedy="free disk space, or set [storage] cache_dir to a larger disk",
        )


class _File:
    """One entry on its way to a file."""

    def __init__(
        self,
        snapshot: Snapshot,
        entry: Entry,
        storage: Storage,
        policy: Policy,
        reporter: Reporter,
    ) -> None:
        self._snapshot = snapshot
        self._entry = entry
        self._storage = storage
        self._policy = policy
        self._reporter = reporter
        self._done = 0
        self._digest = Digest(entry)

    async def write(self, folder: Path) -> None:
        """Write the file, going on where a broken connection stopped."""
        target = folder / self._entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    await self._attempt(file)
                    break
                except StorageError as error:
                    final = attempt == _ATTEMPTS or isinstance(error, Changed)
                    if final or error.reason != Reason.StorageUnreachable:
                        raise
                    await asyncio.sleep(_BACKOFF * 2**attempt)
                    self._keep_or_restart(file)
            self._digest.check()
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        target.chmod(0o444)

    def _keep_or_restart(self, file: BinaryIO) -> None:
        """Keep what has arrived only where a validator says what it is a part of."""
        if self._entry.etag or self._entry.digest:
            return
        self._reporter.arrived(-self._done)
        self._done = 0
        self._digest.restart()
        file.seek(0)
        file.truncate()

    async def _attempt(self, file: BinaryIO) -> None:
        size = self._entry.size
        chunks = self._storage.read(self._entry, self._done, None)
        async with _closing(chunks), aclosing(self._moving(chunks)) as moving:
            async for chunk in moving:
                self._done += len(chunk)
                if size is not None and self._done > size:
                    raise self._wrong_size("more than")
                self._reporter.arrived(len(chunk))
                if self._reporter.done_bytes > self._policy.max_bytes:
                    raise _too_large(self._snapshot, self._policy)
                await asyncio.to_thread(self._keep, file, chunk)
        if size is not None and self._done < size:
            raise self._wrong_size(f"{self._done} of", Reason.StorageUnreachable)

    def _keep(self, file: BinaryIO, chunk: bytes) -> None:
        file.write(chunk)
        self._digest.update(chunk)

    async def _moving(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Pass *chunks* on as long as enough of them arrive."""
        seconds = self._policy.stall_seconds
        since, arrived = time.monotonic(), 0
        iterator = aiter(chunks)
        while True:
            try:
                # Not wait_for: before Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(seconds):
                    chunk = await anext(iterator)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise self._stalled() from None
            arrived += len(chunk)
            yield chunk
            if time.monotonic() - since > seconds:
                if arrived < _LEAST_PROGRESS:
                    raise self._stalled()
                since, arrived = time.monotonic(), 0

    def _stalled(self) -> StorageError:
        return StorageError(
            f"{shown_uri(self._snapshot.uri)} stalled at {self._done} bytes",
            reason=Reason.StorageUnreachable,
            remedy="check the network, or raise [storage] stall_seconds",
        )

    def _wrong_size(
        self, got: str, reason: Reason = Reason.StorageCorrupt
    ) -> StorageError:
        return StorageError(
            f"{shown_uri(self._snapshot.uri)} gave {got} the {self._entry.size} bytes "
            f"that it promised for {self._entry.path}",
            reason=reason,
        )


@asynccontextmanager
async def _closing(chunks: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Close a generator that was not read to its end, and with it its connection."""
    try:
        yield
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


def _too_large(snapshot: Snapshot, policy: Policy) -> StorageError:
    return StorageError(
        f"{shown_uri(snapshot.uri)} is larger than {policy.max_bytes} bytes",
        reason=Reason.StorageNotAllowed,
        remedy="raise [storage] max_bytes",
    )


def _disk_error(folder: Path, error: OSError) -> StorageError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageError(
            f"the disk below {folder} is full",
            reason=Reason.StorageFull,
            remedy="free disk space, or set [storage] cache_dir to a larger disk",
        )
    return StorageError(f"{folder} cannot be written: {error.strerror}")
