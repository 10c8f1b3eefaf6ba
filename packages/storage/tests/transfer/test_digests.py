"""Each rung of the ladder, and each algorithm beside another implementation of it."""

from __future__ import annotations

import hashlib
import sys
import zlib
from types import ModuleType

import pytest

from inferry.storage import Entry
from inferry_storage.transfer import digests

DATA = b"123456789"


def entry(algorithm: str, promised: str) -> Entry:
    return Entry(path="a", size=len(DATA), digest=f"{algorithm}:{promised}")


def found(one: Entry, data: bytes = DATA) -> bool:
    digest = digests.digest(one)
    assert digest is not None
    for at in range(0, len(data), 4):
        digest.update(memoryview(data)[at : at + 4])
    return digests.agrees(one, digest)


@pytest.mark.parametrize(
    "algorithm", ["blake2b", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
)
def test_what_hashlib_has_is_checked(algorithm: str) -> None:
    promised = hashlib.new(algorithm, DATA).hexdigest().upper()

    assert found(entry(algorithm, promised))
    assert not found(entry(algorithm, promised), DATA[:-1])


def test_a_git_object_is_checked_by_its_own_digest() -> None:
    # As `printf 123456789 | git hash-object --stdin` says.
    promised = "e2e107ac61ac259b87c544f6e7a4eb03422c6c21"

    assert found(entry("git-sha1", promised))
    assert digests.rung(entry("git-sha1", promised)) == "digest"
    assert digests.rung(Entry(path="a", digest=f"git-sha1:{promised}")) is None


def test_crc32_has_the_check_value_of_its_catalogue() -> None:
    assert found(entry("crc32", "cbf43926"))
    assert not found(entry("crc32", "cbf43926"), b"123456780")


def crc(data: bytes, value: int, polynomial: int, bits: int) -> int:
    """Return a reflected cyclic checksum, bit by bit."""
    ones = (1 << bits) - 1
    value ^= ones
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return value ^ ones


@pytest.mark.parametrize(
    ("algorithm", "check"),
    [("crc32c", "e3069283"), ("crc64nvme", "ae8b14860a799888")],
)
def test_a_checksum_of_a_library_has_the_check_value_of_its_catalogue(
    algorithm: str, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = ModuleType("google_crc32c")
    vars(google)["extend"] = lambda value, data: crc(data, value, 0x82F63B78, 32)
    amazon = ModuleType("awscrt.checksums")
    vars(amazon)["crc64nvme"] = lambda data, value: crc(
        data, value, 0x9A6C9329AC4BC9B5, 64
    )
    monkeypatch.setitem(sys.modules, "google_crc32c", google)
    monkeypatch.setitem(sys.modules, "awscrt", ModuleType("awscrt"))
    monkeypatch.setitem(sys.modules, "awscrt.checksums", amazon)
    digests._crc.cache_clear()

    assert found(entry(algorithm, check))
    assert not found(entry(algorithm, check), b"123456780")
    digests._crc.cache_clear()


def test_a_cyclic_checksum_keeps_its_leading_zeros() -> None:
    data = next(b"%d" % n for n in range(1000) if zlib.crc32(b"%d" % n) < 2**24)
    promised = Entry(path="a", size=3, digest=f"crc32:{zlib.crc32(data):08x}")

    assert found(promised, data)


def test_a_checksum_that_no_library_here_makes_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests._crc.cache_clear()
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    one = Entry(path="a", size=1, etag="1", digest="crc32c:e3069283")

    assert digests.digest(one) is None
    assert digests.rung(one) == "etag"
    digests._crc.cache_clear()


@pytest.mark.parametrize(
    ("one", "rung"),
    [
        (Entry(path="a", digest="sha256:00"), "digest"),
        (Entry(path="a", digest="md5:00"), "checksum"),
        (Entry(path="a", size=1, digest="shake_128:00", etag="1"), "etag"),
        (Entry(path="a", size=1, digest="00ff"), "length"),
        (Entry(path="a", etag="1"), None),
        (Entry(path="a"), None),
    ],
)
def test_the_rung_is_what_can_be_checked(one: Entry, rung: str | None) -> None:
    assert digests.rung(one) == rung


def test_without_a_promise_all_is_well() -> None:
    assert digests.agrees(Entry(path="a", size=1), None)
