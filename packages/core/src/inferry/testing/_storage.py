"""Tier 1 for storage backends: an immutable snapshot, and bytes that are its bytes."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import asyncio
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from inferry.errors import StorageError
from inferry.plugins import ImportRef, resolve
from inferry.storage import Access, Credentials, LocalPath, Snapshot, Source, Storage
from inferry.testing._overrides import KitRules

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

T = TypeVar("T")
_TIMEOUT = 30
#: What `StorageTests.put` is asked to store: nested, empty and larger than a chunk.
TREE: Mapping[str, bytes] = {
    "config.json": b'{"a": 1}',
    "empty.bin": b"",
    "weights/part-1.bin": bytes(range(256)) * 1024,
    "weights/part-2.bin": b"second part",
}


class StorageTests(KitRules):
    """Checks the client of a storage backend against a place that you fill.

    Set ``client`` to the factory or to the `ImportRef` of the descriptor, and define
    the fixture ``source(tmp_path) -> str``: store `TREE` without using the backend
    itself and return its URI. The factory gets ``settings`` and ``credentials``.
    """

    client: ClassVar[ImportRef | Callable[[Access], Storage]]
    settings: ClassVar[Mapping[str, Any]] = {}
    credentials: ClassVar[Mapping[str, str]] = {}
    tree: ClassVar[Mapping[str, bytes]] = TREE

    @pytest.fixture
    def source(self) -> str:
        """Store ``self.tree`` and return its URI; every test class defines it."""
        return pytest.fail(f"{type(self).__name__} must define the fixture source")

    @pytest.fixture
    def missing(self, source: str) -> str:
        """Return a URI of the same place where nothing is."""
        return f"{source.rstrip('/')}-no-such-model"

    def new_client(self) -> Storage:
        """Return a new client."""
        factory = type(self).client
        if isinstance(factory, ImportRef):
            name = type(self).__name__
            factory = resolve(factory, plugin=name, distribution=name)
        return factory(
            Access(
                settings=self.settings,
                credentials=Credentials(rung="test", values=self.credentials),
            )
        )

    def test_is_a_storage(self) -> None:
        """The factory gives an object with resolve, read and close.

        On failure: compare its methods with ``inferry.storage.Storage``.
        """
        assert isinstance(self.new_client(), Storage)

    def test_finds_every_file(self, source: str) -> None:
        """The snapshot lists the whole tree, sizes included where they are known.

        On failure: list recursively, with ``/`` between the parts and no folders.
        """
        snapshot = self._snapshot(source)
        assert sorted(self.tree) == sorted(entry.path for entry in snapshot.entries)
        for entry in snapshot.entries:
            assert entry.size in {None, len(self.tree[entry.path])}, entry.path

    def test_names_stay_inside(self, source: str) -> None:
        """No entry has an absolute name or one with ``..``.

        On failure: make the paths relative to the URI that was asked for.
        """
        for entry in self._snapshot(source).entries:
            path = PurePosixPath(entry.path)
            assert not path.is_absolute(), entry.path
            assert ".." not in path.parts, entry.path

    def test_resolves_twice_to_the_same(self, source: str) -> None:
        """What did not change keeps the id of its snapshot.

        On failure: make the id from digests or ETags, not from the time.
        """
        assert self._snapshot(source).id == self._snapshot(source).id

    def test_reads_what_was_stored(self, source: str) -> None:
        """Reading each entry from 0 to its end gives its bytes.

        On failure: yield every chunk once; an empty file yields nothing.
        """

        async def read(client: Storage, snapshot: Snapshot) -> dict[str, bytes]:
            return {
                entry.path: b"".join([c async for c in client.read(entry, 0, None)])
                for entry in snapshot.entries
            }

        given = self._with_snapshot(source, read)
        assert sorted(self.tree) == sorted(given)
        for name, expected in self.tree.items():
            _check_bytes(expected, given[name], name)

    def test_reads_a_range(self, source: str) -> None:
        """``read(entry, start, length)`` gives exactly that slice, for resuming.

        On failure: pass the range on to the store, or skip what comes before it.
        """
        path = max(self.tree, key=lambda name: len(self.tree[name]))

        async def read(client: Storage, snapshot: Snapshot) -> bytes:
            entry = next(each for each in snapshot.entries if each.path == path)
            return b"".join([chunk async for chunk in client.read(entry, 100, 1000)])

        given = self._with_snapshot(source, read)
        _check_bytes(self.tree[path][100:1100], given, f"{path}, bytes 100 to 1100")

    def test_says_what_is_missing(self, missing: str) -> None:
        """A URI that holds nothing raises `StorageError`, not an empty snapshot.

        On failure: turn the store's "not found" into `StorageError` with a remedy.
        """
        with pytest.raises(StorageError) as caught:
            _run(self._resolve(missing))
        assert caught.value.message

    def test_errors_hold_no_secret(self, missing: str) -> None:
        """No credential, and no setting that looks like a secret, is in an error.

        On failure: leave credentials out of messages; name the setting instead.
        """
        secrets = [
            value
            for key, value in self.settings.items()
            if any(word in key for word in ("secret", "token", "password", "key"))
            and isinstance(value, str)
            and value
        ] + [value for value in self.credentials.values() if value]
        if not secrets:
            pytest.skip("this test is given no secret")
        with pytest.raises(StorageError) as caught:
            _run(self._resolve(missing))
        said = json.dumps([str(caught.value), repr(caught.value)])
        assert not [secret for secret in secrets if secret in said]

    async def _resolve(self, uri: str) -> None:
        client = self.new_client()
        try:
            await client.resolve(Source(uri=uri))
        finally:
            await client.close()

    def _snapshot(self, uri: str) -> Snapshot:
        async def same(_client: Storage, snapshot: Snapshot) -> Snapshot:
            return snapshot

        return self._with_snapshot(uri, same)

    def _with_snapshot(
        self, uri: str, use: Callable[[Storage, Snapshot], Coroutine[Any, Any, T]]
    ) -> T:
        async def resolved() -> T:
            client = self.new_client()
            try:
                found = await client.resolve(Source(uri=uri))
                if isinstance(found, LocalPath):
                    pytest.skip("the backend binds local paths and reads no bytes")
                return await use(client, found)
            finally:
                await client.close()

        return _run(resolved())


def _run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        return await asyncio.wait_for(work, _TIMEOUT)

    return asyncio.run(bounded())


def _check_bytes(expected: bytes, given: bytes, what: str) -> None:
    # Not `assert expected == given`: showing how long contents differ takes minutes.
    if expected != given:
        pairs = zip(expected, given, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
        place = min(len(expected), len(given)) if same is None else same
        message = (
            f"{what}: expected {len(expected)} bytes, got {len(given)}; "
            f"they differ from byte {place} on"
        )
        raise AssertionError(message)
