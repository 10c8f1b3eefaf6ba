"""Every byte is there and checked, whatever the store and the network do."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import random
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from fakes.alone import noted
from fakes.store import BlockingStore, Store, content, cut

from inferry.errors import StorageError
from inferry.storage import (
    AccessDenied,
    Changed,
    Corrupt,
    DiskError,
    DiskFull,
    Entry,
    Snapshot,
    Stalled,
    TooLarge,
    Truncated,
    Unreachable,
    Unverified,
)
from inferry_storage.progress import Progress, Reporter
from inferry_storage.transfer import Transferred, engine, patience, target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Run = Callable[..., Awaitable[Transferred]]

KIB = 1024
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(params=[Store, BlockingStore])
def store(request: pytest.FixtureRequest) -> Store:
    """A store of one file in many parts, small files, and an empty one."""
    files = {f"small/{n}.bin": content(4 * KIB + n, n) for n in range(40)}
    made: Store = request.param(
        {"a/large.bin": content(700 * KIB), "empty": b"", **files}
    )
    return made


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def modes(folder: Path) -> set[int]:
    return {p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_file()}


def alive() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "inferry-transfer"]


async def test_all_files_are_there_and_nothing_else(
    store: Store, folder: Path, run: Run
) -> None:
    found = await run(store)

    assert there(folder) == store.files
    assert found == Transferred(
        rung="etag", bytes_fetched=sum(map(len, store.files.values()))
    )
    assert modes(folder) == {0o444}
    assert alive() == []


async def test_a_large_file_comes_in_parts(store: Store, run: Run) -> None:
    await run(store)

    asked = sorted(each for each in store.asked if each[0] == "a/large.bin")
    size = 175 * KIB
    assert asked == [("a/large.bin", at * size, size) for at in range(4)]


@pytest.mark.parametrize("digest", ["sha256", "md5"])
async def test_what_a_store_promises_is_checked(
    digest: str, store: Store, folder: Path, run: Run
) -> None:
    store.digest = digest

    found = await run(store)

    assert there(folder) == store.files
    assert found.rung == {"sha256": "digest", "md5": "checksum"}[digest]


@pytest.mark.parametrize("path", ["a/large.bin", "small/7.bin"])
async def test_damage_on_the_way_is_mended_once(
    path: str, store: Store, folder: Path, run: Run
) -> None:
    store.digest = "sha256"
    damages = [path]

    def damage(name: str, at: int, piece: bytes) -> bytes:
        if name in damages:
            damages.remove(name)
            return bytes(len(piece))
        return piece

    store.fault = damage
    reporter = Reporter("u", [])
    await run(store, reporter=reporter)

    assert there(folder) == store.files
    assert reporter.done_bytes == sum(map(len, store.files.values()))


@pytest.mark.parametrize("path", ["a/large.bin", "small/7.bin", "empty"])
async def test_what_stays_damaged_is_refused(
    path: str, store: Store, folder: Path, run: Run
) -> None:
    store.digest = "sha256"
    promised, shown = store.snapshot(), "acme://host/a"
    store.files[path] = bytes(len(store.files[path]))
    if path == "empty":
        entries = [e for e in promised.entries if e.path != path]
        wrong = Entry(path=path, size=0, etag="1", digest=f"sha256:{'0' * 64}")
        promised = Snapshot(uri=shown, id="1", entries=(*entries, wrong))

    with pytest.raises(Corrupt) as raised:
        await run(store, promised)

    assert str(raised.value) == (
        f"{shown}: {path} arrived with another sha256 than its store promised; "
        "upload the file again"
    )


class _Asked:
    """The answers of a store that is asked whether its checksums are some."""

    def __init__(self, *answers: str | StorageError) -> None:
        self.answers = [*answers]
        self.about: list[str] = []

    async def __call__(self, entry: Entry) -> bool:
        self.about.append(entry.path)
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, StorageError):
            raise answer
        return answer == "yes"


def wrong(promised: Snapshot) -> Snapshot:
    """Return *promised* with checksums that no file has."""
    entries = [
        msgspec.structs.replace(each, digest=f"md5:{'0' * 32}")
        for each in promised.entries
    ]
    return msgspec.structs.replace(promised, entries=tuple(entries))


async def test_checksums_that_are_none_are_taken_back_at_once(
    store: Store, folder: Path, run: Run
) -> None:
    asked = _Asked(Unreachable("busy"), "no")
    store.confirms = asked  # type: ignore[attr-defined]

    found = await run(store, wrong(store.snapshot()))

    assert there(folder) == store.files
    size = sum(map(len, store.files.values()))
    assert found == Transferred(rung="etag", bytes_fetched=size, withdrawn=True)
    assert len(asked.about) == 2  # asked again after the failure, and then no more
    assert store.served == size


async def test_what_is_taken_back_is_no_checksum_where_one_is_required(
    store: Store, run: Run
) -> None:
    store.confirms = _Asked("no")  # type: ignore[attr-defined]

    with pytest.raises(Unverified, match="can be checked by etag only"):
        await run(store, wrong(store.snapshot()), require="checksum")


@pytest.mark.parametrize("path", ["a/large.bin", "small/7.bin"])
async def test_what_stays_damaged_with_a_checksum_that_holds_is_refused(
    path: str, store: Store, run: Run
) -> None:
    store.digest = "md5"
    promised = store.snapshot()
    store.files[path] = bytes(len(store.files[path]))
    asked = _Asked("yes", "yes")
    store.confirms = asked  # type: ignore[attr-defined]

    with pytest.raises(Corrupt, match=f"{path} arrived with another md5"):
        await run(store, promised)

    assert set(asked.about) == {path}


async def test_a_cryptographic_digest_is_never_taken_back(
    store: Store, run: Run
) -> None:
    store.digest = "sha256"
    promised = store.snapshot()
    store.files["small/7.bin"] = bytes(4 * KIB + 7)
    store.confirms = _Asked()  # type: ignore[attr-defined]

    with pytest.raises(Corrupt):
        await run(store, promised)


@pytest.mark.parametrize("seed", range(5))
async def test_cut_connections_cost_only_the_rest_of_the_part(
    seed: int, store: Store, folder: Path, run: Run
) -> None:
    chance = random.Random(seed)
    store.piece = 4 * KIB

    def cuts(_path: str, _at: int, piece: bytes) -> bytes:
        if chance.random() < 0.1:
            raise Unreachable("cut off")
        return piece

    store.fault = cuts
    found = await run(store)

    assert there(folder) == store.files
    assert found.bytes_fetched == sum(map(len, store.files.values()))


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
async def test_without_a_validator_a_file_begins_again(
    path: str, store: Store, folder: Path, run: Run
) -> None:
    store.etags = False
    store.piece = KIB
    store.fault = cut((path, 3 * KIB))

    found = await run(store)

    assert there(folder) == store.files
    assert found.rung == "length"
    assert [each for each in store.asked if each[0] == path] == [(path, 0, None)] * 2


async def test_a_store_without_ranges_is_read_from_start_to_end(
    store: Store, folder: Path, run: Run
) -> None:
    store.ranges = False
    store.fault = cut(("a/large.bin", 300 * KIB))

    await run(store)

    assert there(folder) == store.files
    assert {each[1:] for each in store.asked} == {(0, None)}


async def test_a_file_of_unknown_length_is_held_to_its_digest(
    store: Store, folder: Path, run: Run
) -> None:
    store.digest, store.sizes = "sha256", False

    assert (await run(store)).rung == "digest"
    assert there(folder) == store.files


async def test_a_file_of_unknown_length_has_the_limit_of_all(
    store: Store, run: Run
) -> None:
    store.digest, store.sizes = "sha256", False

    with pytest.raises(TooLarge, match="larger than the 500000 bytes"):
        await run(store, max_bytes=500_000)


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
@pytest.mark.parametrize("by", [-1, 1])
async def test_a_body_of_another_length_is_refused(
    by: int, path: str, store: Store, folder: Path, run: Run
) -> None:
    store.files = {path: store.files[path]}
    store.ranges = False
    promised = store.snapshot()
    store.files = {path: (store.files[path] + b"!")[: len(store.files[path]) + by]}

    with pytest.raises(Truncated, match=r"^acme://host/a: [a-z0-9/.]+ arrived with"):
        await run(store, promised)
    assert len(store.asked) == 6


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
@pytest.mark.parametrize("error", [Changed, AccessDenied])
async def test_what_stays_so_ends_the_transfer(
    error: type[Exception], path: str, store: Store, run: Run
) -> None:
    def fails(name: str, at: int, piece: bytes) -> bytes:
        if name == path:
            raise error("no")
        return piece

    store.fault = fails
    with pytest.raises(error, match=r"^no$"):
        await run(store)
    assert sum(each[0] == path for each in store.asked) <= 4
    assert alive() == []


def test_a_final_error_is_told_before_a_passing_one() -> None:
    passing, final = Unreachable("away"), AccessDenied("no")
    group = BaseExceptionGroup("", [ExceptionGroup("", [passing]), final])

    assert engine._first(group) is final
    assert engine._first(ExceptionGroup("", [passing])) is passing


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
async def test_a_stall_is_told_after_one_more_try(
    path: str,
    store: Store,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.threads._GOODBYES", 2)
    store.files = {path: store.files[path]}
    store.fault = lambda *_: None
    begun = time.monotonic()

    with pytest.raises(Stalled) as raised:
        await run(store, stall_seconds=0.1)

    store.released.set()
    for each in alive():
        each.join(5)
    # Nobody complains of the error that the abandoned threads ended with.
    await asyncio.sleep(0)
    gc.collect()
    assert not caplog.text
    assert 0.2 <= time.monotonic() - begun < 3
    assert str(raised.value) == (
        f"acme://host/a: {path} stalled at 0 bytes: less than 16384 bytes in 0.1 s; "
        "check the network, or raise [storage] stall_seconds"
    )


async def test_a_stalled_connection_is_left_for_another(
    store: Store, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.transfer.threads._GOODBYES", 2)
    stalls = ["a/large.bin", "small/3.bin"]

    def fault(name: str, at: int, piece: bytes) -> bytes | None:
        if name in stalls:
            stalls.remove(name)
            return None
        return piece

    store.fault = fault
    await run(store, stall_seconds=0.2)

    assert there(folder) == store.files
    store.released.set()
    for each in alive():
        each.join(5)
    assert there(folder) == store.files


async def test_a_trickle_is_a_stall(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.files = {"a/large.bin": content(64 * KIB)}
    store.piece = 8

    def slow(_name: str, _at: int, piece: bytes) -> bytes:
        time.sleep(0.005)
        return piece

    store.fault = slow
    with pytest.raises(Stalled):
        await run(store, stall_seconds=0.2)


async def test_many_tiny_files_of_a_slow_store_are_no_stall(
    folder: Path, run: Run
) -> None:
    store = BlockingStore({str(n): b"x" for n in range(8)})
    store.fault = lambda _path, _at, piece: time.sleep(0.1) or piece

    await run(store, stall_seconds=0.3, workers=1)

    assert there(folder) == store.files


async def test_a_slow_disk_is_no_stall(
    store: Store, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = target.write_at

    def slow(*given: object) -> None:
        time.sleep(0.3)
        real(*given)

    monkeypatch.setattr(target, "write_at", slow)
    store.files = {"a/large.bin": content(64 * KIB), "small": b"x"}
    reporter = Reporter("u")
    await run(store, stall_seconds=0.1, reporter=reporter)

    assert there(folder) == store.files
    assert reporter.retries == 0


async def test_the_deadline_ends_what_moves(store: Store, run: Run) -> None:
    def slow(_name: str, _at: int, piece: bytes) -> bytes:
        time.sleep(0.1)
        return piece

    store.fault = slow
    with pytest.raises(Stalled) as raised:
        await run(store, deadline_seconds=0.3)

    assert str(raised.value) == (
        "acme://host/a took longer than 0.3 s; raise [storage] deadline_seconds"
    )
    assert alive() == []


async def test_a_cancelled_transfer_goes_on_later(
    store: Store, folder: Path, run: Run
) -> None:
    store.piece = 4 * KIB

    def slow(_name: str, _at: int, piece: bytes) -> bytes:
        time.sleep(0.001)
        return piece

    store.fault = slow
    task = asyncio.create_task(run(store))
    while store.served < 400 * KIB:  # noqa: ASYNC110 - a thread may serve it
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert alive() == []
    store.fault = None
    store.served = 0
    await run(store)
    assert there(folder) == store.files
    total = sum(map(len, store.files.values()))
    # 400 KiB came; of each worker at most a step of 32 KiB is fetched again.
    assert store.served < total - 400 * KIB + 4 * 32 * KIB + 40 * 5 * KIB


@pytest.fixture
def broken_off(
    store: Store, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Awaitable[None]]:
    """Fetch all but the end of the large file, then fail."""
    monkeypatch.setattr(patience, "_ATTEMPTS", 10**6)

    async def once() -> None:
        def fails(name: str, at: int, piece: bytes) -> bytes:
            if name != "a/large.bin" or at < 600 * KIB:
                return piece
            if noted(folder) < sum(map(len, store.files.values())) - 100 * KIB:
                raise Unreachable("wait for the others")
            raise AccessDenied("no more")

        store.fault = fails
        with pytest.raises(AccessDenied):
            await run(store)
        store.fault = None
        store.asked.clear()
        store.served = 0

    return once


async def test_what_a_broken_run_left_is_not_fetched_again(
    store: Store, folder: Path, run: Run, broken_off: Callable[[], Awaitable[None]]
) -> None:
    store.digest = "sha256"
    await broken_off()
    told: list[Progress] = []
    sizes = [len(data) for data in store.files.values()]
    found = await run(store, reporter=Reporter("u", sizes, told.append))

    assert there(folder) == store.files
    assert found.bytes_fetched == store.served <= 100 * KIB
    assert [each[0] for each in store.asked] == ["a/large.bin"]
    assert (told[-1].done_bytes, told[-1].files_done) == (sum(sizes), len(sizes))


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
async def test_a_file_that_changed_meanwhile_is_fetched_whole(
    path: str,
    store: Store,
    folder: Path,
    run: Run,
    broken_off: Callable[[], Awaitable[None]],
) -> None:
    await broken_off()
    store.files[path] = content(len(store.files[path]), 99)

    await run(store)

    assert there(folder) == store.files
    assert sum(each[0] == path for each in store.asked) == (4 if "large" in path else 1)


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
async def test_what_was_damaged_on_the_disk_is_fetched_again(
    path: str,
    store: Store,
    folder: Path,
    run: Run,
    broken_off: Callable[[], Awaitable[None]],
) -> None:
    store.digest = "sha256"
    await broken_off()
    (folder / path).chmod(0o600)
    with (folder / path).open("r+b") as file:
        file.write(b"damage")

    await run(store)

    assert there(folder) == store.files


@pytest.mark.parametrize("path", ["a/large.bin", "small/3.bin"])
async def test_a_file_that_is_gone_or_cut_is_fetched_again(
    path: str,
    store: Store,
    folder: Path,
    run: Run,
    broken_off: Callable[[], Awaitable[None]],
) -> None:
    await broken_off()
    (folder / path).unlink()
    (folder / "small" / "4.bin").chmod(0o600)
    os.truncate(folder / "small" / "4.bin", 7)

    await run(store)

    assert there(folder) == store.files


async def test_what_is_not_of_the_snapshot_is_removed(
    store: Store, folder: Path, run: Run, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "large.bin").write_bytes(b"precious")
    (folder / "a").symlink_to(outside)
    (folder / "old" / "deep").mkdir(parents=True)
    (folder / "old" / "deep" / "x").write_bytes(b"x")
    (folder / "small").write_bytes(b"a file where a folder belongs")

    await run(store)

    assert there(folder) == store.files
    assert not (folder / "old").exists()
    assert (outside / "large.bin").read_bytes() == b"precious"


async def test_what_is_on_the_disk_already_is_linked(
    store: Store, folder: Path, run: Run, tmp_path: Path
) -> None:
    have = tmp_path / "blob"
    have.write_bytes(store.files["a/large.bin"])

    found = await run(store, have=lambda e: have if "large" in e.path else None)

    assert there(folder) == store.files
    assert (folder / "a" / "large.bin").samefile(have)
    assert found.bytes_fetched == sum(len(store.files[p]) for p in store.files) - (
        700 * KIB
    )


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (errno.ENOSPC, DiskFull, "is full; free disk space"),
        (errno.EDQUOT, DiskFull, "is full; free disk space"),
        (errno.EIO, DiskError, "cannot be written: Input/output error; check the disk"),
    ],
)
@pytest.mark.parametrize("name", ["write_at", "write_small", "close_whole"])
async def test_a_disk_that_fails_is_told(  # noqa: PLR0917 - parameters and fixtures
    name: str,
    number: int,
    error: type[Exception],
    said: str,
    store: Store,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(target, name, fails)
    with pytest.raises(error, match=said):
        await run(store)
    assert alive() == []


async def test_the_disk_is_looked_at_before_the_first_byte(
    store: Store, run: Run
) -> None:
    huge = Entry(path="huge", size=2**60, etag="1")

    with pytest.raises(DiskFull, match="has room for"):
        await run(
            store,
            Snapshot(uri="acme://a", id="1", entries=(huge,)),
            max_bytes=2**62,
        )
    assert store.asked == []


async def test_nothing_is_said_of_what_is_secret(
    store: Store, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    store.fault = cut(("a/large.bin", 0), ("small/1.bin", 0))

    await run(store)

    assert "cut off" in caplog.text
    assert "secret" not in caplog.text


async def test_an_error_of_the_store_itself_comes_through(
    store: Store, run: Run
) -> None:
    def fails(*_: object) -> bytes:
        raise ZeroDivisionError

    store.fault = fails
    with pytest.raises(ZeroDivisionError):
        await run(store)
    assert alive() == []


async def test_many_small_files_are_under_way_at_a_time(run: Run) -> None:
    store = BlockingStore({f"{n}": b"x" for n in range(64)})
    barrier = threading.Barrier(16, timeout=10)
    store.fault = lambda _path, _at, piece: barrier.wait() * b"" + piece

    await run(store)
