"""Tier 1 for storage backends: the bytes that are read are those that were stored."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import pytest

from inferry.errors import StorageError
from inferry.testing._storage_client import StorageKit, check_bytes, read_all

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from inferry.storage import Snapshot, Storage


class ReadingTests(StorageKit):
    """Checks whole files, parts, parts at a time, and reads that are given up."""

    def test_reads_what_was_stored(self, source: str) -> None:
        """Reading each entry from 0 to its end gives its bytes.

        On failure: yield every chunk once; an empty file yields nothing.
        """

        async def read(client: Storage, snapshot: Snapshot) -> dict[str, bytes]:
            return {e.path: await read_all(client, e) for e in snapshot.entries}

        given = self.with_snapshot(source, read)
        assert sorted(self.tree) == sorted(given)
        for name, expected in self.tree.items():
            check_bytes(expected, given[name], name)

    def test_reads_a_range(self, source: str) -> None:
        """``read(entry, start, length)`` gives exactly that slice, for resuming.

        On failure: pass the range on to the store, or skip what comes before it.
        """

        async def read(client: Storage, snapshot: Snapshot) -> None:
            entry, data = self.ranged(snapshot)
            given = await read_all(client, entry, 100, 1000)
            check_bytes(data[100:1100], given, f"{entry.path}, bytes 100 to 1100")

        self.with_snapshot(source, read)

    def test_reads_to_the_end(self, source: str) -> None:
        """Without a length a read goes on to the last byte, from wherever it starts.

        On failure: leave the end of the range open.
        """

        async def read(client: Storage, snapshot: Snapshot) -> None:
            entry, data = self.ranged(snapshot)
            for start in (1, len(data) // 2, len(data) - 1):
                given = await read_all(client, entry, start)
                check_bytes(data[start:], given, f"{entry.path} from byte {start}")
            last = await read_all(client, entry, len(data) - 1, 1)
            check_bytes(data[-1:], last, f"{entry.path}, its last byte")

        self.with_snapshot(source, read)

    def test_reads_nothing_where_nothing_is(self, source: str) -> None:
        """No byte is asked for, or none is there: nothing comes, or `StorageError`.

        On failure: yield nothing for a length of 0, and do not read from the start when
        the store refuses a range that begins behind the end.
        """

        async def read(client: Storage, snapshot: Snapshot) -> None:
            entry, data = self.ranged(snapshot)
            assert await read_all(client, entry, 10, 0) == b""
            for length in (None, 10):
                try:
                    given = await read_all(client, entry, len(data) + 10, length)
                except StorageError:
                    continue
                check_bytes(b"", given, f"{entry.path} behind its end")

        self.with_snapshot(source, read)

    def test_reads_parts_at_a_time(self, source: str) -> None:
        """Eight reads at once, of one client, give each its own bytes.

        On failure: keep no state of a read in the client.
        """

        async def read(client: Storage, snapshot: Snapshot) -> None:
            entry, data = self.ranged(snapshot)
            size = max(1, -(-len(data) // 8))
            starts = range(0, len(data), size)
            lengths = [min(size, len(data) - start) for start in starts]
            parts = await asyncio.gather(
                *(
                    read_all(client, entry, start, length)
                    for start, length in zip(starts, lengths, strict=True)
                )
            )
            check_bytes(data, b"".join(parts), f"{entry.path} in {len(parts)} parts")

        self.with_snapshot(source, read)

    def test_reads_the_same_in_a_thread(self, source: str) -> None:
        """``read_blocking``, where a client has it, gives the same bytes.

        On failure: share what both ways do, down to the chunks.
        """

        async def read(client: Any, snapshot: Snapshot) -> None:  # noqa: ANN401 - it may have more than a Storage
            if not hasattr(client, "read_blocking"):
                pytest.skip("the client has no read_blocking")
            entry, data = self.largest(snapshot)

            def blocking(start: int, length: int | None) -> bytes:
                return b"".join(client.read_blocking(entry, start, length))

            check_bytes(data, await asyncio.to_thread(blocking, 0, None), entry.path)
            if entry.ranges:
                part = await asyncio.to_thread(blocking, 100, 1000)
                check_bytes(data[100:1100], part, f"{entry.path}, bytes 100 to 1100")

        self.with_snapshot(source, read)

    def test_survives_a_read_that_is_given_up(self, source: str) -> None:
        """After a read was left, or cancelled, the client reads on.

        On failure: give back the connection in a ``finally`` of the generator.
        """

        async def read(client: Storage, snapshot: Snapshot) -> None:
            entry, data = self.largest(snapshot)
            chunks = cast("AsyncGenerator[bytes]", client.read(entry, 0, None))
            async with aclosing(chunks):
                await anext(chunks)
            task = asyncio.create_task(read_all(client, entry))
            await asyncio.sleep(0)
            task.cancel()
            # A store in memory may be done before it can be cancelled.
            await asyncio.gather(task, return_exceptions=True)
            check_bytes(data, await read_all(client, entry), entry.path)

        self.with_snapshot(source, read)

    def test_notices_a_body_that_is_cut(self, cut: str | None) -> None:
        """A body that ends too early is an error that may pass, never fewer bytes.

        On failure: count what came, and raise `Truncated` where it is less.
        """
        if cut is None:
            pytest.skip("this test is given no place that cuts bodies")

        async def read(client: Storage, snapshot: Snapshot) -> None:
            entry, _ = self.largest(snapshot)
            with pytest.raises(StorageError) as caught:
                await read_all(client, entry)
            assert getattr(caught.value, "transient", False), repr(caught.value)

        self.with_snapshot(cut, read)
