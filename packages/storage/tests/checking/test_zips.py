"""Zips are read as all readers do, or refused where readers would differ."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from inferry_storage.checking import zips

FILES = {"m/data.pkl": b"\x80\x02}.", "m/version": b"3\n"}


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    return sink.getvalue()


def with_both_ends(*, count: int = len(FILES), extra: bytes = b"") -> bytes:
    """Return a zip as PyTorch writes it: its end is there with 64 bits and without."""
    data = zipped()
    at = data.rfind(b"PK\x05\x06")
    size, start = struct.unpack_from("<2L", data, at + 12)
    wide = struct.pack(
        *("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0),
        *(count, count, size, start),
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    return data[:at] + wide + extra + locator + data[at:]


def test_an_end_with_64_bits_may_stand_before_the_usual_one() -> None:
    found = zips.members(io.BytesIO(with_both_ends()))

    assert [each.path for each in found] == list(FILES)


def test_two_ends_that_differ_are_refused() -> None:
    with pytest.raises(zips.OddZip, match="an end that readers understand differently"):
        zips.members(io.BytesIO(with_both_ends(count=1)))


def test_bytes_before_the_end_are_refused() -> None:
    with pytest.raises(zips.OddZip, match="bytes that belong to no file"):
        zips.members(io.BytesIO(with_both_ends(extra=b"hidden")))
