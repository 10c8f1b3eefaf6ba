"""Compare what has arrived with what the store promised of it.

The ladder, from the top: a cryptographic digest, a checksum that tells damage but no
attack, the ETag of the very object with its length, the length alone.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.storage import Entry, Snapshot
    from inferry_storage.policy import Rung

    _Function = Callable[[bytes | memoryview, int], int]

# Those whose digest has one length.
_CRYPTOGRAPHIC = frozenset({"blake2b", "sha224", "sha256", "sha384", "sha512"})
_CHECKSUMS = frozenset({"md5", "sha1"})


class Digest(Protocol):
    """As much of what `hashlib` gives as is used here."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in the next bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""


def rung(entry: Entry) -> Rung | None:
    """Return how far *entry* can be checked; None: not even its length is known."""
    algorithm = _algorithm(entry)
    if _makes(algorithm) and (algorithm != "git-sha1" or entry.size is not None):
        return "checksum" if is_checksum(entry) else "digest"
    if entry.size is None:
        return None
    return "etag" if entry.etag else "length"


def digest(entry: Entry) -> Digest | None:
    """Return what to feed the bytes of *entry* to; None: nothing can be compared."""
    if rung(entry) not in {"digest", "checksum"}:
        return None
    made = _makes(_algorithm(entry))
    if made is None:
        return None
    fresh = made()
    if _algorithm(entry) == "git-sha1":
        fresh.update(b"blob %d\0" % (entry.size or 0))
    return fresh


def agrees(entry: Entry, found: Digest | None) -> bool:
    """Say whether *found* is the digest that *entry* promises, if it promises one."""
    if found is None:
        return True
    promised = (entry.digest or "").partition(":")[2].strip().lower()
    return found.hexdigest() == promised


def is_checksum(entry: Entry) -> bool:
    """Say whether *entry* promises what its store may turn out not to keep."""
    algorithm = _algorithm(entry)
    strong = algorithm in _CRYPTOGRAPHIC or algorithm == "git-sha1"
    return bool(algorithm) and not strong


def without_checksums(snapshot: Snapshot) -> Snapshot:
    """Return *snapshot* with cryptographic digests alone."""
    kept = [
        msgspec.structs.replace(entry, digest=None) if is_checksum(entry) else entry
        for entry in snapshot.entries
    ]
    return msgspec.structs.replace(snapshot, entries=tuple(kept))


def _algorithm(entry: Entry) -> str:
    return (entry.digest or "").partition(":")[0].lower()


def _makes(algorithm: str) -> Callable[[], Digest] | None:
    """Return what makes a digest of this kind, None where nothing here can."""
    if algorithm == "git-sha1":
        return lambda: hashlib.sha1(usedforsecurity=False)
    if algorithm in _CRYPTOGRAPHIC | _CHECKSUMS:
        return lambda: hashlib.new(algorithm, usedforsecurity=False)
    found = _crc(algorithm)
    return None if found is None else lambda: _Crcs(*found)


@cache
def _crc(algorithm: str) -> tuple[_Function, int] | None:
    """Return the function of a cyclic checksum and its hex digits."""
    if algorithm == "crc32":
        return zlib.crc32, 8
    try:
        if algorithm == "crc32c":
            return _crc32c(import_module("google_crc32c").extend), 8
        if algorithm == "crc64nvme":
            return import_module("awscrt.checksums").crc64nvme, 16
    except ImportError:
        # The ETag and the length remain: in Python itself it would take minutes.
        return None
    return None


def _crc32c(extend: Callable[[int, bytes], int]) -> _Function:
    def updated(data: bytes | memoryview, value: int) -> int:
        return extend(value, bytes(data))

    return updated


class _Crcs:
    """A cyclic checksum in the manner of `hashlib`."""

    def __init__(self, function: _Function, digits: int) -> None:
        self._function = function
        self._digits = digits
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._function(data, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:0{self._digits}x}"
