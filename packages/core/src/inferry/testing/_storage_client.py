"""What the kit of storage backends asks a client with."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from inferry.plugins import ImportRef, resolve
from inferry.storage import Access, Credentials, LocalPath, Snapshot, Source, Storage
from inferry.testing._overrides import KitRules

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from inferry.storage import Entry

    Put = Callable[[str, Mapping[str, bytes]], str]

T = TypeVar("T")
_TIMEOUT = 30
#: What the fixture ``source`` is asked to store: nested, empty and larger than a chunk.
TREE: Mapping[str, bytes] = {
    "config.json": b'{"a": 1}',
    "empty.bin": b"",
    # No part of it is like another, or reading the wrong one would not show.
    "weights/part-1.bin": random.Random(1).randbytes(256 * 1024),  # noqa: S311 - data
    "weights/part-2.bin": b"second part",
}


class StorageKit(KitRules):
    """A backend under test, and a place that it reads."""

    client: ClassVar[ImportRef | Callable[[Access], Storage]]
    settings: ClassVar[Mapping[str, Any]] = {}
    credentials: ClassVar[Mapping[str, str]] = {}
    #: Credentials that the store refuses, where it refuses any.
    wrong_credentials: ClassVar[Mapping[str, str] | None] = None
    tree: ClassVar[Mapping[str, bytes]] = TREE

    @pytest.fixture
    def source(self) -> str:
        """Store ``self.tree`` and return its URI; every test class defines it."""
        return pytest.fail(f"{type(self).__name__} must define the fixture source")

    @pytest.fixture
    def missing(self, source: str) -> str:
        """Return a URI of the same place where nothing is."""
        return f"{source.rstrip('/')}-no-such-model"

    @pytest.fixture
    def put(self) -> Put | None:
        """Return what stores a tree under a name and returns its URI.

        Without it the tests of places are skipped. Names given one after the other lie
        beside each other; storing again under a name replaces what was there.
        """
        return None

    @pytest.fixture
    def cut(self) -> str | None:
        """Return a URI of ``self.tree`` whose bodies end before their last byte."""
        return None

    def new_client(self, credentials: Mapping[str, str] | None = None) -> Storage:
        """Return a new client."""
        factory = type(self).client
        if isinstance(factory, ImportRef):
            name = type(self).__name__
            factory = resolve(factory, plugin=name, distribution=name)
        values = self.credentials if credentials is None else credentials
        return factory(
            Access(
                settings=self.settings,
                credentials=Credentials(rung="test", values=values),
            )
        )

    def snapshot_of(self, uri: str) -> Snapshot:
        """Return what *uri* holds now."""

        async def same(_client: Storage, snapshot: Snapshot) -> Snapshot:
            return snapshot

        return self.with_snapshot(uri, same)

    def with_snapshot(
        self, uri: str, use: Callable[[Storage, Snapshot], Coroutine[Any, Any, T]]
    ) -> T:
        """Resolve *uri* and give the client and the snapshot to *use*."""

        async def resolved() -> T:
            client = self.new_client()
            try:
                found = await client.resolve(Source(uri=uri))
                if isinstance(found, LocalPath):
                    pytest.skip("the backend binds local paths and reads no bytes")
                return await use(client, found)
            finally:
                await client.close()

        return run_bounded(resolved())

    async def resolve(
        self, uri: str, credentials: Mapping[str, str] | None = None
    ) -> Snapshot | LocalPath:
        """Resolve *uri* with a client of its own."""
        client = self.new_client(credentials)
        try:
            return await client.resolve(Source(uri=uri))
        finally:
            await client.close()

    def largest(self, snapshot: Snapshot) -> tuple[Entry, bytes]:
        """Return the largest file of ``self.tree``: its entry and its bytes."""
        path = max(self.tree, key=lambda name: len(self.tree[name]))
        entry = next(each for each in snapshot.entries if each.path == path)
        return entry, self.tree[path]

    def ranged(self, snapshot: Snapshot) -> tuple[Entry, bytes]:
        """Return the same if parts of it can be read; skip the test if not."""
        entry, data = self.largest(snapshot)
        if not entry.ranges:
            pytest.skip("the backend says that it reads no parts of this file")
        return entry, data


def run_bounded(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* and give up after a while."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, _TIMEOUT)

    return asyncio.run(bounded())


async def read_all(
    client: Storage, entry: Entry, start: int = 0, length: int | None = None
) -> bytes:
    """Return the bytes that a client yields."""
    return b"".join([chunk async for chunk in client.read(entry, start, length)])


def check_bytes(expected: bytes, given: bytes, what: str) -> None:
    """Compare long contents; showing how they differ as pytest does takes minutes."""
    if expected != given:
        pairs = zip(expected, given, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
        place = min(len(expected), len(given)) if same is None else same
        message = (
            f"{what}: expected {len(expected)} bytes, got {len(given)}; "
            f"they differ from byte {place} on"
        )
        raise AssertionError(message)
