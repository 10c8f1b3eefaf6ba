"""`StorageTests` passes a good backend and fails a bad one."""

from __future__ import annotations

import asyncio
import itertools
import os
import posixpath
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import pytest

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    Entry,
    LocalPath,
    NotFound,
    Snapshot,
    Source,
    Truncated,
    Unauthenticated,
)
from inferry.testing import StorageTests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from inferry.testing._storage_client import Put


class Memory:
    """Keeps trees in a dict: `memory://name`."""

    trees: ClassVar[dict[str, Mapping[str, bytes]]] = {}

    def __init__(self, access: Access) -> None:
        self.settings = access.settings
        self.wrong = "wrong" in access.credentials.values.values()
        self.uri = ""
        self._files: dict[str, bytes] = {}

    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        if self.wrong:
            raise Unauthenticated("the key is not known", remedy="ask for another")
        if not self.trees.get(source.uri):
            raise NotFound(f"{source.uri} does not exist", remedy="check the name")
        self.uri = source.uri
        self._files = dict(self.trees[source.uri])
        entries = tuple(
            Entry(path=path, size=len(data)) for path, data in self._files.items()
        )
        known = str(zlib.crc32(repr(sorted(self._files.items())).encode()))
        return Snapshot(uri=source.uri, id=known, entries=entries)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        end = None if length is None else start + length
        data = self._files[entry.path][start:end]
        if self.uri == "memory://cut" and data:
            yield data[:-1]
            raise Truncated(f"{entry.path} ended early")
        for at in range(0, len(data), 1000):
            yield data[at : at + 1000]

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        end = None if length is None else start + length
        yield self._files[entry.path][start:end]

    async def close(self) -> None: ...


class TestGood(StorageTests):
    client = Memory
    settings: ClassVar = {"secret_key": "h1dden"}

    many: ClassVar = 20
    wrong_credentials: ClassVar = {"KEY": "wrong"}

    @pytest.fixture
    def source(self) -> str:
        Memory.trees["memory://m"] = self.tree
        return "memory://m"

    @pytest.fixture
    def put(self) -> Put:
        return put

    @pytest.fixture
    def cut(self, source: str) -> str:
        Memory.trees["memory://cut"] = self.tree
        return "memory://cut"


def put(name: str, tree: Mapping[str, bytes]) -> str:
    Memory.trees[f"memory://{name}"] = tree
    return f"memory://{name}"


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


class Prefixing(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        begin = source.uri
        self._files = {
            path: data
            for uri, tree in self.trees.items()
            if uri.startswith(begin)
            for path, data in tree.items()
        }
        entries = tuple(Entry(path=path) for path in self._files)
        return Snapshot(uri=source.uri, id="1", entries=entries)


class OnePage(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        found = await super().resolve(source)
        assert isinstance(found, Snapshot)
        return Snapshot(uri=found.uri, id=found.id, entries=found.entries[:1000])


class Tidy(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        found = await super().resolve(source)
        assert isinstance(found, Snapshot)
        tidied = (posixpath.normpath(each.path)[:250] for each in found.entries)
        entries = tuple(Entry(path=path.replace("\n", "")) for path in tidied)
        return Snapshot(uri=found.uri, id=found.id, entries=entries)


class Live(Memory):
    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        end = None if length is None else start + length
        yield self.trees[self.uri][entry.path][start:end]


class Rounds(Memory):
    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        data = self._files[entry.path]
        start %= len(data) or 1
        yield data[start : None if length is None else start + max(length, 1)]


class OneAtATime(Memory):
    _at = 0

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        self._at = start
        await asyncio.sleep(0)
        yield self._files[entry.path][self._at :][:length]


class OtherThread(Memory):
    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        yield self._files[entry.path]


class Short(Memory):
    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        yield self._files[entry.path][start:length][:-1]


class Writes(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        await asyncio.to_thread(Path("left-behind").touch)
        return await super().resolve(source)


class Exports(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        os.environ["MEMORY_TOKEN"] = "t0p"
        return await super().resolve(source)


class Base64(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        entry = Entry(path="a", digest="md5:1B2M2Y8AsgTpgAmY7PhCfg==")
        return Snapshot(uri=source.uri, id="1", entries=(entry,))


class ClosesOnce(Memory):
    async def close(self) -> None:
        del self._files


class Anonymous(Memory):
    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.wrong = False


class Helpless(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        raise NotFound("nothing")


class Quotes(Memory):
    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        found = await super().resolve(source)
        assert isinstance(found, Snapshot)
        self._files = {quote(path): data for path, data in self._files.items()}
        entries = tuple(Entry(path=path) for path in self._files)
        return Snapshot(uri=found.uri, id=found.id, entries=entries)


class Restless(Memory):
    times = itertools.count()

    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        return Snapshot(uri=source.uri, id=str(next(self.times)), entries=())


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
        (Truncates, "test_reads_to_the_end"),
        (Rounds, "test_reads_nothing_where_nothing_is"),
        (OneAtATime, "test_reads_parts_at_a_time"),
        (OtherThread, "test_reads_the_same_in_a_thread"),
        (Truncates, "test_survives_a_read_that_is_given_up"),
        (Base64, "test_digests_can_be_read"),
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


@pytest.mark.parametrize(
    ("client", "test"),
    [
        (Prefixing, "test_a_sibling_is_another_model"),
        (Prefixing, "test_an_empty_place_is_no_model"),
        (Prefixing, "test_a_change_is_another_snapshot"),
        (OnePage, "test_lists_more_than_a_page"),
        (Quotes, "test_reads_odd_names"),
        (Live, "test_never_mixes_two_states"),
    ],
)
def test_a_backend_that_mixes_places_fails(client: type[Memory], test: str) -> None:
    kit = Bare(client).kit
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        getattr(kit, test)(put)


@pytest.mark.parametrize("name", ["a/../../evil", "line\nfeed", "x" * 300])
def test_a_backend_that_tidies_names_fails(name: str) -> None:
    with pytest.raises(AssertionError):
        Bare(Tidy).kit.test_hides_no_bad_name(name, put)


def test_a_store_that_takes_no_bad_names_is_not_blamed() -> None:
    def picky(_name: str, _tree: Mapping[str, bytes]) -> str:
        raise OSError("no such name")

    with pytest.raises(pytest.skip.Exception):
        Bare(Memory).kit.test_hides_no_bad_name("../evil", picky)


def test_a_body_that_ends_early_in_silence_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        Bare(Short).run("test_notices_a_body_that_is_cut")


@pytest.mark.parametrize("client", [Writes, Exports])
def test_a_backend_that_changes_this_machine_fails(
    client: type[Memory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORY_TOKEN", "")
    kit = Bare(client).kit
    with pytest.raises(AssertionError):
        kit.test_leaves_this_machine_as_it_is("memory://m", tmp_path, monkeypatch)


def test_a_client_that_closes_once_fails() -> None:
    with pytest.raises(AttributeError):
        Bare(ClosesOnce).run("test_closes_twice")


def test_falling_back_to_anonymous_fails() -> None:
    kit = Bare(Anonymous, wrong_credentials={"KEY": "wrong"})
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        kit.run("test_refuses_wrong_credentials")


def test_an_error_without_a_remedy_fails() -> None:
    with pytest.raises(AssertionError):
        Bare(Helpless).run("test_errors_say_what_to_do", "memory://none")


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
