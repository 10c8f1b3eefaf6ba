"""The registry of shared memory regions."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inferry.errors import InvalidInput, ModelNotFound
from inferry_server.errors import Conflict
from inferry_server.shared_memory import SharedMemoryRegions

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path("/dev/shm")
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="POSIX shared memory")


@pytest.fixture
def segment() -> Iterator[Path]:
    path = FOLDER / f"inferry-test-{secrets.token_hex(8)}"
    path.write_bytes(bytes(range(100)))
    yield path
    path.unlink(missing_ok=True)


def test_a_region_is_a_part_of_a_segment(segment: Path) -> None:
    regions = SharedMemoryRegions()
    regions.register("r", f"/{segment.name}", 10, 20)
    assert bytes(regions.read("r", 0, 3)) == bytes([10, 11, 12])
    regions.write("r", 18, b"\x00\x01")
    assert segment.read_bytes()[27:31] == bytes([27, 0, 1, 30])
    (status,) = regions.status("r")
    assert (status.name, status.offset, status.byte_size) == ("r", 10, 20)


@pytest.mark.parametrize(("offset", "size"), [(0, 21), (20, 1), (-1, 1), (2**70, 1)])
def test_nothing_beyond_a_region_is_read_or_written(
    segment: Path, offset: int, size: int
) -> None:
    regions = SharedMemoryRegions()
    regions.register("r", segment.name, 10, 20)
    with pytest.raises(InvalidInput, match="Invalid offset"):
        regions.read("r", offset, size)
    with pytest.raises(InvalidInput, match="Invalid offset"):
        regions.write("r", offset, b"x" * size)
    assert segment.read_bytes() == bytes(range(100))


@pytest.mark.parametrize(
    "key",
    ["../../etc/passwd", "/etc/passwd", "a/b", "", "/", "..", ".", "a\0", "no-such"],
)
def test_a_key_that_is_no_segment_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        SharedMemoryRegions().register("r", key, 0, 1)


def test_a_link_is_not_followed(segment: Path) -> None:
    link = segment.with_name(segment.name + "-link")
    link.symlink_to("/etc/hostname")
    try:
        with pytest.raises(InvalidInput, match="Unable to open"):
            SharedMemoryRegions().register("r", link.name, 0, 1)
    finally:
        link.unlink()


@pytest.mark.parametrize(
    ("offset", "size"), [(0, 101), (100, 1), (0, 0), (-1, 5), (0, 2**70)]
)
def test_a_region_that_the_segment_has_not_is_refused(
    segment: Path, offset: int, size: int
) -> None:
    with pytest.raises(InvalidInput):
        SharedMemoryRegions().register("r", segment.name, offset, size)


def test_a_segment_that_shrinks_is_an_error(segment: Path) -> None:
    regions = SharedMemoryRegions()
    regions.register("r", segment.name, 0, 100)
    os.truncate(segment, 50)
    with pytest.raises(InvalidInput, match="smaller"):
        regions.read("r", 0, 100)
    with pytest.raises(InvalidInput, match="smaller"):
        regions.write("r", 40, b"x" * 20)
    assert segment.stat().st_size == 50


def test_a_name_is_registered_once(segment: Path) -> None:
    regions = SharedMemoryRegions()
    regions.register("r", segment.name, 0, 1)
    with pytest.raises(Conflict, match="already"):
        regions.register("r", segment.name, 0, 1)
    regions.unregister("r")
    regions.unregister("r")
    regions.register("r", segment.name, 0, 2)


def test_what_is_unregistered_is_gone(segment: Path) -> None:
    regions = SharedMemoryRegions()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in "ab":
        regions.register(name, segment.name, 0, 1)
    regions.unregister()
    assert regions.status() == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(InvalidInput, match="Unable to find"):
        regions.read("a", 0, 1)
    with pytest.raises(ModelNotFound, match="Unable to find"):
        regions.status("a")
