"""`EngineTests` passes a good backend, and fails one that changes names."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, ClassVar

import pytest

from inferry.storage import Entry, NotFound, Snapshot, Truncated
from inferry_storage.testing import EngineTests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from inferry.storage import Access, Source

TREES: dict[str, Mapping[str, bytes]] = {}


class Shelf:
    """Trees in memory."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.files: dict[str, bytes] = {}

    async def resolve(self, source: Source) -> Snapshot:
        if not TREES.get(source.uri):
            raise NotFound(f"{source.uri} is not there", remedy="look for it")
        self.files = dict(TREES[source.uri])
        entries = tuple(self.entry(each) for each in self.files.items())
        return Snapshot(uri=source.uri, id=repr(entries), entries=entries)

    def entry(self, named: tuple[str, bytes]) -> Entry:
        path, data = named
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return Entry(path=path, size=len(data), digest=digest, location=path)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        data = self.files[entry.location]
        if entry.path == "cut.bin":
            yield data[:-1]
            raise Truncated("it ended early")
        yield data[start : None if length is None else start + length]

    async def close(self) -> None: ...


def put(name: str, tree: Mapping[str, bytes]) -> str:
    TREES[f"mem://{name}"] = tree
    return f"mem://{name}"


class TestGood(EngineTests):
    client = Shelf
    many: ClassVar = 20

    @pytest.fixture
    def source(self) -> str:
        return put("model", self.tree)

    @pytest.fixture
    def put(self) -> Callable[[str, Mapping[str, bytes]], str]:
        return put

    @pytest.fixture
    def cut(self) -> str:
        return put("cut", {"cut.bin": b"x" * 300_000, **self.tree})

    def largest(self, snapshot: Snapshot) -> tuple[Entry, bytes]:
        longest = max(snapshot.entries, key=lambda entry: entry.size or 0)
        return longest, TREES[snapshot.uri][longest.path]


class Tidy(Shelf):
    def entry(self, named: tuple[str, bytes]) -> Entry:
        path = posixpath.normpath(f"/{named[0]}").lstrip("/") or "root"
        return Entry(path=path, size=len(named[1]), location=named[0])


def test_a_backend_that_changes_names_fails(tmp_path: Path) -> None:
    class Kit(EngineTests):
        client = Tidy

    with pytest.raises(AssertionError, match=r"\.\./evil"):
        Kit().test_publishes_nothing_of_a_bad_model(put, tmp_path)


def test_a_backend_with_other_bytes_fails(tmp_path: Path) -> None:
    class Kit(EngineTests):
        client = Shelf

    source = put("other", {**EngineTests.tree, "config.json": b"other"})

    with pytest.raises(AssertionError, match=r"config\.json"):
        Kit().test_fetches_what_was_stored(source, tmp_path)
