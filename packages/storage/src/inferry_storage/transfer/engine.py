"""`transfer`: all entries of a snapshot, by a pool of workers, into one folder."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import StorageError
from inferry.storage import Stalled, shown_uri
from inferry_storage.transfer.digests import is_checksum, without_checksums
from inferry_storage.transfer.plan import plan
from inferry_storage.transfer.preparing import Prepared, prepare
from inferry_storage.transfer.reading import Reader
from inferry_storage.transfer.target import disk_errors
from inferry_storage.transfer.threads import Threads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from inferry.storage import Entry, Snapshot, Storage
    from inferry_storage.policy import Policy, Rung
    from inferry_storage.progress import Reporter
    from inferry_storage.transfer.arriving import Context, Large, Part, Small

#: So many small files are under way for each worker: they wait more than they move.
_SMALL_PER_WORKER = 4
#: One call of a thread brings several, for the call costs as much as a file; they are
#: in memory until all are there.
_LARGEST_BATCH, _BATCH_BYTES = 16, 2**20
_TICK = 0.1


class Transferred(msgspec.Struct, frozen=True, kw_only=True):
    """What a transfer has done; ``rung`` is the least that any file was checked by.

    ``withdrawn`` says that the store has taken back its checksums meanwhile.
    """

    rung: Rung
    bytes_fetched: int
    withdrawn: bool = False


async def transfer(
    snapshot: Snapshot,
    storage: Storage,
    folder: Path,
    *,
    policy: Policy,
    reporter: Reporter,
    have: Callable[[Entry], Path | None] | None = None,
) -> Transferred:
    """Write every entry of *snapshot* below *folder*, complete and checked.

    The folder is the transfer's own: what a killed transfer has left there is used as
    far as it is still a part of this snapshot, and everything else is removed. An entry
    that *have* gives a file for is linked to it, and is as good as a checked one. When
    it fails or is cancelled, the folder holds what the next can go on from.

    Raises:
        StorageError: Before the first byte `EmptyModel`, `UnsafePath`, `TooLarge`,
            `Unverified`, `DiskFull`; then `Changed` where the source must be resolved
            again, and whatever the store says until patience ends.

    """
    planned = plan(snapshot, policy)
    before = reporter.fetched
    async with _threads() as threads, _telling(reporter), _deadline(snapshot, policy):
        prepared = await threads.call(prepare, snapshot, folder, policy, reporter, have)
        try:
            pool = _Pool(
                snapshot,
                storage,
                policy,
                reporter=reporter,
                threads=threads,
                prepared=prepared,
            )
            await pool.run()
        finally:
            # No thread may write to a number that another file has taken over.
            await threads.close()
            prepared.close()
        with disk_errors(folder):
            prepared.context.journal.remove()
    reporter.report()
    withdrawn = prepared.context.withdrawn
    if withdrawn:
        planned = plan(without_checksums(snapshot), policy)
    return Transferred(
        rung=planned.rung,
        bytes_fetched=reporter.fetched - before,
        withdrawn=withdrawn,
    )


class _Pool:
    """The workers of one transfer and what is left for them to do."""

    def __init__(
        self,
        snapshot: Snapshot,
        storage: Storage,
        policy: Policy,
        *,
        reporter: Reporter,
        threads: Threads,
        prepared: Prepared,
    ) -> None:
        self._snapshot = snapshot
        self._policy = policy
        self._reporter = reporter
        self._threads = threads
        self._asking = asyncio.Lock()
        self._workers = max(1, policy.workers)
        self._context: Context = prepared.context
        self._large = deque(prepared.large)
        self._parts: deque[Part] = deque()
        self._small = deque(prepared.small)
        streams = self._workers * _SMALL_PER_WORKER
        self._batch = min(max(1, len(self._small) // (2 * streams)), _LARGEST_BATCH)
        seconds = policy.deadline_seconds
        self._reader = Reader(
            snapshot.uri,
            storage,
            threads,
            reporter,
            stall_seconds=policy.stall_seconds,
            until=time.monotonic() + seconds if seconds else None,
        )

    async def run(self) -> None:
        """Do all there is to do.

        Raises:
            StorageError: The first that was final; the other workers are stopped.

        """
        batches = -(-len(self._small) // self._batch)
        more = min(batches, self._workers * (_SMALL_PER_WORKER - 1))
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for _ in range(self._workers):
                    group.create_task(self._work())
                for _ in range(more):
                    group.create_task(self._work_small())
        except BaseExceptionGroup as errors:
            raise _first(errors) from None

    async def _work(self) -> None:
        """Do large files while there are any, then help with the small ones."""
        while self._parts or self._large:
            if self._parts:
                await self._part(self._parts.popleft())
            else:
                await self._begin(self._large.popleft())
        await self._work_small()

    async def _begin(self, large: Large) -> None:
        parts = large.parts()
        self._parts.extend(parts)
        if not parts:
            await self._complete(large)

    async def _part(self, part: Part) -> None:
        large = part.large
        await self._reader.read(part)
        large.done.append((part.start, part.at))
        large.left -= 1
        if large.left:
            self._group.create_task(large.hash_along(self._threads))
        else:
            await self._complete(large)

    async def _complete(self, large: Large) -> None:
        """Check and close a file of which all bytes are there."""
        await large.hash_along(self._threads)
        if large.finish() or (await self._is_withdrawn(large.entry) and large.finish()):
            self._reporter.file_done()
            return
        if large.is_retried:
            raise self._context.corrupt(large.entry)
        # Once, in case that it was damaged here or on the way.
        large.is_retried = True
        self._reporter.retried()
        large.restart()
        self._parts.extendleft(reversed(large.parts()))

    async def _work_small(self) -> None:
        while self._small:
            await self._files(self._next())

    def _next(self) -> list[Small]:
        """Take the next few small files."""
        files = [self._small.popleft()]
        size = files[0].entry.size or 0
        while self._small and len(files) < self._batch:
            size += self._small[0].entry.size or 0
            if size > _BATCH_BYTES:
                break
            files.append(self._small.popleft())
        return files

    async def _files(self, files: list[Small]) -> None:
        while files:
            error: StorageError | None = None
            try:
                await self._reader.read_small(files)
            except StorageError as raised:
                error = raised
            left = [file for file in files if not file.is_done]
            self._reporter.file_done(len(files) - len(left))
            files = left
            if error is not None:
                await self._mend(files[0], error)

    async def _mend(self, file: Small, error: StorageError) -> None:
        """Bring a file to its end that could not be read at once."""
        if not file.is_wrong:
            await self._reader.go_on(file, error)
            return
        if await self._is_withdrawn(file.entry):
            file.is_wrong = False
            return
        if file.is_retried:
            raise error
        file.is_retried = True
        self._reporter.retried()
        file.restart()

    async def _is_withdrawn(self, entry: Entry) -> bool:
        """Say whether the digest of *entry*, which is another one now, is none.

        Raises:
            Unverified: It is, and the settings ask for it.

        """
        async with self._asking:
            if not self._context.withdrawn and not await self._reader.confirms(entry):
                plan(without_checksums(self._snapshot), self._policy)
                self._context.withdrawn = True
        return self._context.withdrawn and is_checksum(entry)


@contextlib.asynccontextmanager
async def _threads() -> AsyncIterator[Threads]:
    threads = Threads()
    try:
        yield threads
    finally:
        await threads.close()


@contextlib.asynccontextmanager
async def _telling(reporter: Reporter) -> AsyncIterator[None]:
    """Tell how far it is, which the threads do not."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(_TICK)
            reporter.report()

    ticking = asyncio.create_task(tell())
    try:
        yield
    finally:
        ticking.cancel()


@contextlib.asynccontextmanager
async def _deadline(snapshot: Snapshot, policy: Policy) -> AsyncIterator[None]:
    limit = asyncio.timeout(policy.deadline_seconds or None)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise Stalled(
            f"{shown_uri(snapshot.uri)} took longer than {policy.deadline_seconds:g} s",
            remedy="raise [storage] deadline_seconds",
        ) from None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error to tell of several: one that is final, if there is one."""
    found = [
        _first(each) if isinstance(each, BaseExceptionGroup) else each
        for each in errors.exceptions
    ]
    final = [each for each in found if not getattr(each, "transient", False)]
    return (final or found)[0]
