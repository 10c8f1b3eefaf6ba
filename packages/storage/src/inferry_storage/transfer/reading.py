"""Read one part from its store: patiently, but not for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from inferry.errors import StorageError
from inferry.storage import Stalled, shown_uri
from inferry_storage.transfer.arriving import Small
from inferry_storage.transfer.digests import is_checksum
from inferry_storage.transfer.patience import LEAST_PROGRESS, Patience
from inferry_storage.transfer.threads import Pulse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from inferry.storage import Entry, Storage
    from inferry_storage.progress import Reporter
    from inferry_storage.transfer.arriving import Writer
    from inferry_storage.transfer.threads import Threads

    Blocking = Callable[[Entry, int, int | None], Iterator[bytes]]

_log = logging.getLogger(__name__)
#: A call of a thread costs as much as writing 64 KiB, so several pieces share one.
_HELD_ASYNC = 2**20
#: In a thread that writes by itself more would only take memory.
_HELD_BLOCKING = 128 * 1024
_CLOSE_SECONDS = 5.0


class Reader:
    """Reads parts of entries from one store.

    ``until`` is the deadline by the clock of `time.monotonic`, None without one.
    """

    def __init__(
        self,
        uri: str,
        storage: Storage,
        threads: Threads,
        reporter: Reporter,
        *,
        stall_seconds: float,
        until: float | None,
    ) -> None:
        self._uri = shown_uri(uri)
        self._storage = storage
        self._threads = threads
        self._reporter = reporter
        self._stall_seconds = stall_seconds
        self._until = until
        self._blocking: Blocking | None = getattr(storage, "read_blocking", None)

    async def read_small(self, files: list[Small]) -> None:
        """Bring one file after the other to its end, in one thread if that is faster.

        Raises:
            StorageError: For the first of them that is not done.

        """
        if self._blocking is not None:
            await self._watched(files, partial(self._read_batch, files))
            return
        for file in files:
            await self._attempt(file)
            pulse = Pulse()
            await self._threads.call(self._store_one, file, pulse)

    def _read_batch(self, files: list[Small], pulse: Pulse) -> None:
        read: list[Small] = []
        try:
            for file in files:
                self._attempt_blocking(file, pulse)
                file.check()
                read.append(file)
                # Many files of a few bytes each are progress.
                pulse.moved += LEAST_PROGRESS
        finally:
            Small.store(read, pulse)

    @staticmethod
    def _store_one(file: Small, pulse: Pulse) -> None:
        file.check()
        Small.store([file], pulse)

    async def read(self, writer: Writer) -> None:
        """Bring *writer* to its end, going on where an attempt broke off.

        Raises:
            StorageError: Asking again is of no use.

        """
        await self.go_on(writer, None)

    async def go_on(self, writer: Writer, error: StorageError | None) -> None:
        """Do as `read` after an attempt that ended with *error*."""
        patience = Patience(self._until)
        furthest = writer.at
        while True:
            if error is not None:
                at = writer.back()
                # What comes again, of a body that is read anew, is no progress.
                seconds = patience.wait(error, at - furthest)
                furthest = max(furthest, at)
                self._reporter.retried()
                _log.info("%s: %s; again in %.1f s", self._uri, error, seconds)
                await asyncio.sleep(seconds)
            try:
                return await self._attempt(writer)
            except StorageError as raised:
                error = raised

    async def confirms(self, entry: Entry) -> bool:
        """Ask the store whether it keeps to the checksum of *entry*, patiently.

        Raises:
            StorageError: It does not say.

        """
        confirms = getattr(self._storage, "confirms", None)
        if confirms is None or not is_checksum(entry):
            return True
        patience = Patience(self._until)
        while True:
            try:
                return bool(await confirms(entry))
            except StorageError as error:
                await asyncio.sleep(patience.wait(error, 0))

    async def _attempt(self, writer: Writer) -> None:
        if self._blocking is None:
            await self._attempt_async(writer)
        else:
            await self._watched([writer], partial(self._attempt_blocking, writer))

    async def _watched(
        self,
        writers: Sequence[Writer],
        work: Callable[[Pulse], None],
    ) -> None:
        """Do *work* on *writers* in one thread, as long as it moves bytes.

        Raises:
            Stalled: It does not: the thread is left to itself and writes no more.

        """
        pulse = Pulse()
        call = self._threads.call(work, pulse)
        try:
            while True:
                before = pulse.moved
                await asyncio.wait([call], timeout=self._stall_seconds)
                if call.done():
                    return call.result()
                if pulse.moved - before < LEAST_PROGRESS and not pulse.is_writing:
                    raise self._stalled(writers)
        finally:
            pulse.stop()
            # What an abandoned thread ends with is of no interest to anybody.
            call.add_done_callback(_look)

    def _attempt_blocking(self, writer: Writer, pulse: Pulse) -> None:
        if self._blocking is None or writer.length() == 0:
            return
        pieces = self._blocking(writer.entry, writer.at, writer.length())
        try:
            for piece in pieces:
                pulse.moved += len(piece)
                with pulse.writing():
                    writer.take(piece)
                if writer.held >= _HELD_BLOCKING:
                    writer.write(pulse)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
            writer.write(pulse)
        writer.ended()

    async def _attempt_async(self, writer: Writer) -> None:
        if writer.length() == 0:
            return
        pulse = Pulse()
        try:
            try:
                await self._take(writer, pulse)
            except StorageError:
                await self._threads.call(writer.write, pulse)
                raise
            await self._threads.call(writer.write, pulse)
        finally:
            pulse.stop()
        writer.ended()

    async def _take(self, writer: Writer, pulse: Pulse) -> None:
        pieces = self._storage.read(writer.entry, writer.at, writer.length())
        moved = 0
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(self._stall_seconds)
        try:
            async with _closing(pieces), limit:
                async for piece in pieces:
                    writer.take(piece)
                    moved += len(piece)
                    if writer.held >= _HELD_ASYNC:
                        # The disk's time is not the store's.
                        limit.reschedule(None)
                        await self._threads.call(writer.write, pulse)
                        moved = LEAST_PROGRESS
                    if moved >= LEAST_PROGRESS:
                        moved = 0
                        limit.reschedule(loop.time() + self._stall_seconds)
        except TimeoutError:
            if limit.expired():
                raise self._stalled([writer]) from None
            raise

    def _stalled(self, writers: Sequence[Writer]) -> Stalled:
        late = self._until is not None and time.monotonic() >= self._until
        setting = "deadline_seconds" if late else "stall_seconds"
        return Stalled(
            f"{self._uri}: {writers[0].entry.path} stalled at {writers[0].at} bytes: "
            f"less than {LEAST_PROGRESS} bytes in {self._stall_seconds:g} s",
            remedy=f"check the network, or raise [storage] {setting}",
        )


def _look(call: asyncio.Future[None]) -> None:
    """Take note of an error, so that asyncio does not complain that nobody did."""
    if not call.cancelled():
        call.exception()


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Close a generator that was not read to its end, and with it its connection."""
    try:
        yield
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await close()
