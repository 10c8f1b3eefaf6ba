"""`StorageTests` passes a good backend and fails a bad one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from inferry.errors import StorageError
from inferry.storage import Access, Entry, LocalPath, Snapshot, Source
from inferry.testing import StorageTests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


class Memory:
    """Keeps trees in a dict: `memory://name`."""

    trees: ClassVar[dict[str, Mapping[str, bytes]]] = {}

    def __init__(self, access: Access) -> None:
        self.settings = access.settings
        self._files: dict[str, bytes] = {}

    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        if source.uri not in self.trees:
            raise StorageError(f"{source.uri} does not exist", remedy="check the name")
        self._files = dict(self.trees[source.uri])
        entries = tuple(
            Entry(path=path, size=len(data)) for path, data in self._files.items()
        )
        return Snapshot(uri=source.uri, id="1", entries=entries)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        end = None if length is None else start + length
        data = self._files[entry.path][start:end]
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]

    async def close(self) -> None: ...


class TestGood(StorageTests):
    client = Memory
    settings: ClassVar = {"secret_key": "h1dden"}

    @pytest.fixture
    def source(self) -> str:
        Memory.trees["memory://m"] = self.tree
        return "memory://m"


class Bare:
    """A kit around one client, called without pytest's fixtures."""

    def __init__(self, client: type[Memory], **attributes: Any) -> None:
        Memory.trees["memory://m"] = StorageTests.tree
        self.kit = type("Kit", (StorageTests,), {"client": client, **attributes})()

    def run(self, test: str, uri: str = "memory://m") -> None:
        getattr(self.kit, test)(uri)


class Flat(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        found = await super().resolve(source)
        assert isinstance(found, Snapshot)
        top = tuple(entry for entry in found.entries if "/" not in entry.path)
        return Snapshot(uri=found.uri, id=found.id, entries=top)


class Escaping(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        return Snapshot(uri=source.uri, id="1", entries=(Entry(path="../evil"),))


class Restless(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        return Snapshot(uri=source.uri, id=str(id(self)), entries=())


class IgnoresRanges(Memory):
    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        yield self._files[entry.path]


class Truncates(Memory):
    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        yield self._files[entry.path][start : start + 10]


@pytest.mark.parametrize(
    ("client", "test"),
    [
        (Flat, "test_finds_every_file"),
        (Escaping, "test_names_stay_inside"),
        (Restless, "test_resolves_twice_to_the_same"),
        (IgnoresRanges, "test_reads_a_range"),
        (Truncates, "test_reads_what_was_stored"),
    ],
)
def test_a_bad_backend_fails(client: type[Memory], test: str) -> None:
    with pytest.raises(AssertionError):
        Bare(client).run(test)


def test_an_empty_snapshot_is_no_answer_to_a_missing_model() -> None:
    class Lenient(Memory):
        async def resolve(self, source: Source) -> Snapshot | LocalPath:
            return Snapshot(uri=source.uri, id="0", entries=())

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        Bare(Lenient).run("test_says_what_is_missing", "memory://none")


def test_a_leaked_secret_fails() -> None:
    class Leaky(Memory):
        async def resolve(self, source: Source) -> Snapshot | LocalPath:
            raise StorageError(f"denied for {self.settings['token']}")

    kit = Bare(Leaky, settings={"token": "t0p"})
    with pytest.raises(AssertionError, match="t0p"):
        kit.run("test_errors_hold_no_secret", "memory://none")


def test_a_backend_of_local_paths_reads_no_bytes(tmp_path: Path) -> None:
    class Local(Memory):
        async def resolve(self, source: Source) -> Snapshot | LocalPath:
            return LocalPath(uri=source.uri, path=tmp_path)

    with pytest.raises(pytest.skip.Exception):
        Bare(Local).run("test_reads_a_range")
