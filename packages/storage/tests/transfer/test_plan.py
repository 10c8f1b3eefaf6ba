"""What cannot end well is refused before the first byte, with numbers."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.storage import (
    DiskFull,
    EmptyModel,
    Entry,
    Snapshot,
    TooLarge,
    Truncated,
    UnsafePath,
    Unverified,
)
from inferry_storage.policy import Policy
from inferry_storage.transfer.plan import (
    Plan,
    check_room,
    merged,
    missing,
    part_size,
    plan,
)

if TYPE_CHECKING:
    from pathlib import Path

    from inferry.errors import StorageError
    from inferry_storage.transfer.plan import Range

MIB = 2**20
SHA = "sha256:" + "0" * 64


def planned(tmp_path: Path, *entries: Entry, **settings: Any) -> Plan:
    uri = "acme://me:secret@host/a?sig=secret"
    snapshot = Snapshot(uri=uri, id="1", entries=entries)
    return plan(snapshot, Policy(cache_dir=tmp_path, **settings))


def refusal(
    kind: type[StorageError], tmp_path: Path, *entries: Entry, **settings: Any
) -> str:
    with pytest.raises(kind) as raised:
        planned(tmp_path, *entries, **settings)
    assert "secret" not in str(raised.value)
    return str(raised.value)


def test_the_plan_says_how_much_and_how_sure(tmp_path: Path) -> None:
    found = planned(
        tmp_path,
        Entry(path="a", size=10, digest=SHA),
        Entry(path="b", size=5, etag='"1"'),
    )

    assert found == Plan(files=2, total_bytes=15, known=True, rung="etag")


def test_a_digest_makes_up_for_an_unknown_size(tmp_path: Path) -> None:
    found = planned(tmp_path, Entry(path="a", digest=SHA))

    assert found == Plan(files=1, total_bytes=0, known=False, rung="digest")


def test_a_snapshot_without_files_is_refused(tmp_path: Path) -> None:
    assert refusal(EmptyModel, tmp_path).startswith("acme://host/a holds no files")


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "C:\\a", "a\n", ".journal"])
def test_an_unsafe_name_is_refused(path: str, tmp_path: Path) -> None:
    refusal(UnsafePath, tmp_path, Entry(path=path, size=1))


def test_more_bytes_than_allowed_are_refused(tmp_path: Path) -> None:
    said = refusal(TooLarge, tmp_path, Entry(path="a", size=11), max_bytes=10)

    assert said == (
        "acme://host/a has 11 bytes, 10 are allowed; raise [storage] max_bytes"
    )


def test_more_files_than_allowed_are_refused(tmp_path: Path) -> None:
    entries = [Entry(path=str(number), size=0) for number in range(3)]

    assert refusal(TooLarge, tmp_path, *entries, max_files=2) == (
        "acme://host/a has 3 files, 2 are allowed; raise [storage] max_files"
    )


def test_what_no_network_brings_in_time_is_refused(tmp_path: Path) -> None:
    said = refusal(
        TooLarge, tmp_path, Entry(path="a", size=200 * 2**30), deadline_seconds=1.0
    )

    assert "cannot arrive within 1 s" in said


def test_no_length_and_no_digest_is_refused(tmp_path: Path) -> None:
    said = refusal(Truncated, tmp_path, Entry(path="a", etag='"1"'))

    assert "nothing says how long a is" in said


@pytest.mark.parametrize(
    ("entry", "require"),
    [
        (Entry(path="a", size=1), "etag"),
        (Entry(path="a", size=1, etag='"1"'), "checksum"),
        (Entry(path="a", size=1, digest="md5:00"), "digest"),
        (Entry(path="a", size=1, digest="shake_128:00"), "checksum"),
    ],
)
def test_less_than_the_floor_is_refused(
    entry: Entry, require: str, tmp_path: Path
) -> None:
    said = refusal(
        Unverified,
        tmp_path,
        Entry(path="b", size=1, digest=SHA),
        entry,
        require=require,
    )

    assert f"[storage] require asks for {require}" in said


def test_a_signature_is_asked_for_when_all_is_there(tmp_path: Path) -> None:
    assert planned(tmp_path, Entry(path="a", size=1), require="signature").rung == (
        "length"
    )


def test_what_the_disk_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DiskFull, match=r"^acme://host/a needs 1152921504606846976 byte"
    ):
        check_room("acme://host/a?sig=1", 2**60, 1, tmp_path)


def test_what_has_no_inodes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = list(os.statvfs(tmp_path))
    real[5:8] = [1000, 100, 100]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(real))

    check_room("acme://host/a", 1, 95, tmp_path)
    with pytest.raises(DiskFull, match="has 96 files more"):
        check_room("acme://host/a", 1, 96, tmp_path)


@given(st.integers(0, 2**44), st.integers(1, 64))
def test_a_part_is_of_whole_mib_within_bounds(size: int, workers: int) -> None:
    part = part_size(size, workers)

    assert part % MIB == 0
    assert 8 * MIB <= part <= 64 * MIB
    assert part == 64 * MIB or part * workers >= size


RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=8)


@given(st.integers(0, 250), RANGES, st.integers(1, 100))
def test_parts_are_exactly_what_is_missing(
    size: int, done: list[Range], step: int
) -> None:
    parts = missing(size, done, step)

    there = {at for start, end in done for at in range(start, end)}
    asked = [at for start, end in parts for at in range(start, end)]
    assert asked == sorted(set(range(size)) - there)
    assert all(0 < end - start <= step for start, end in parts)


@given(RANGES)
def test_merged_ranges_are_the_same_without_touching(ranges: list[Range]) -> None:
    found = merged(ranges)

    before = {at for start, end in ranges for at in range(start, end)}
    assert before == {at for start, end in found for at in range(start, end)}
    assert all(a[1] < b[0] for a, b in pairwise(found))
