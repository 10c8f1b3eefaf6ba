"""Archives that would write outside, link, blow up, or are damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import stat
import struct
import tarfile
from typing import TYPE_CHECKING

from inferry.storage import (
    Corrupt,
    NotAllowed,
    TooLarge,
    UnsafeArchive,
    UnsafePath,
)
from inferry_storage.testing._model import BadModel, one
from inferry_storage.testing._names import BAD_NAMES, BAD_PAIRS
from inferry_storage.testing._packing import Zip, pax, tar, tar_header, tar_member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.errors import StorageError

_TEXT = b"some text of a model\n" * 2000
_LINKS = {
    "symbolic": (b"2", b"/etc/passwd"),
    "relative symbolic": (b"2", b"../../../etc/passwd"),
    "inner symbolic": (b"2", b"good.bin"),
    "folder's symbolic": (b"2", b"."),
    "hard": (b"1", b"/etc/passwd"),
    "inner hard": (b"1", b"good.bin"),
}
_DEVICES = {
    "character device": b"3",
    "block device": b"4",
    "pipe": b"6",
    "file with holes": b"S",
    "volume": b"V",
    "part of a volume": b"M",
    "dump": b"D",
    "member of Solaris": b"A",
    "member of no kind": b"z",
}
_GOOD = tar_member("good.bin", _TEXT)
_MODES = {"symlink": stat.S_IFLNK, "device": stat.S_IFCHR, "pipe": stat.S_IFIFO}


def bad_archives() -> Iterator[BadModel]:
    """Yield tar and zip archives, plain and compressed."""
    for name, data, *errors in (*_tars(), *_damaged_tars()):
        yield _archive(f"tar: {name}", "model.tar", data, *errors)
        packed = gzip.compress(data, 6, mtime=0)
        yield _archive(f"tar.gz: {name}", "model.tar.gz", packed, *errors)
    for name, data, *errors in (*_zips(), *_damaged_zips()):
        yield _archive(f"zip: {name}", "model.zip", data, *errors)
    yield from _cut_off()
    yield from _bombs()
    yield from _others()


def _archive(
    name: str, path: str, data: bytes, *errors: type[StorageError], **settings: str
) -> BadModel:
    return one("archive", name, path, data, *errors, unpack="true", **settings)


def _tars() -> Iterator[tuple[str, bytes, *tuple[type[StorageError], ...]]]:
    for name in BAD_NAMES:
        if "\0" in name or name.endswith("/") or name in {".", "./a"}:
            # A tar cannot say these, or means something else by them.
            continue
        yield f"the name {name[:40]!r}", tar(_GOOD, tar_member(name, b"x")), UnsafePath
        described = pax({"path": name}) + tar_member("short", b"x")
        yield f"pax: the name {name[:40]!r}", tar(_GOOD, described), UnsafePath
    for first, second in BAD_PAIRS:
        pair = tar(tar_member(first, b"1"), tar_member(second, b"2"))
        yield f"the names {first!r} and {second!r}", pair, UnsafePath
    for what, (kind, target) in _LINKS.items():
        link = tar_member("link", kind=kind, target=target)
        yield f"a {what} link", tar(_GOOD, link), UnsafeArchive
        behind = tar(_GOOD, link, tar_member("link/in", b"x"))
        yield f"a {what} link, and a file behind it", behind, UnsafeArchive
    for what, kind in _DEVICES.items():
        yield f"a {what}", tar(_GOOD, tar_member("dev", kind=kind)), UnsafeArchive
    sparse = pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
    holes = tar(sparse + tar_member("holes", b"1\n0\n1\n"))
    yield "a file with holes", holes, UnsafeArchive
    for inner in ("inner.tar", "in/inner.tar.gz", "inner.ZIP", "inner.tgz", "i.7z"):
        nested = tar(_GOOD, tar_member(inner, tar(_GOOD)))
        yield f"an archive {inner} in it", nested, UnsafeArchive


def _damaged_tars() -> Iterator[tuple[str, bytes, type[StorageError]]]:
    yield "no member", tar(), Corrupt
    yield "a wrong sum", tar(tar_header(b"a", wrong_sum=1)), Corrupt
    for what, field in {
        "a negative size": b"\xff" * 12,
        "a vast size": b"\x80" + b"\xff" * 11,
        "no number": b"12x45678901\0",
        "more than there is": b"77777777777\0",
    }.items():
        yield what, tar(_GOOD, tar_header(b"a", raw_size=field)), Corrupt
    yield "no end", tar(_GOOD, end=b""), Corrupt
    yield "half a block at the end", tar(_GOOD, end=bytes(100)), Corrupt
    yield "more behind the end", tar(_GOOD) + _GOOD, Corrupt
    long = tar_header(b"pax", 1 << 20, kind=b"x") + bytes(1 << 20)
    yield "a header of a MiB", tar(long, _GOOD), Corrupt
    yield "headers for headers", tar(*[pax({"path": "a"})] * 50, _GOOD), Corrupt
    yield "a header for nothing", tar(_GOOD, pax({"path": "a"})), Corrupt
    for key in ("path", "size", "linkpath"):
        everything = pax({key: "1"}, kind=b"g")
        yield f"a global {key}", tar(everything, _GOOD), Corrupt
    for size in ("-1", "1e3", "٣", "9" * 30, "0x10", " 1", ""):
        described = pax({"size": size}) + tar_member("a", b"x")
        yield f"the size {size[:9]!r}", tar(described), Corrupt
    for body in (b"12 path=abc", b"99 path=a\n", b"x path=a\n", b"9 path a\n", b"\0"):
        header = tar_header(b"pax", len(body), kind=b"x") + body.ljust(512, b"\0")
        yield f"the record {body!r}", tar(header, _GOOD), Corrupt
    yield "text", _TEXT, Corrupt
    yield "zeros and text", bytes(1024) + _TEXT, Corrupt


def _zips() -> Iterator[tuple[str, bytes, *tuple[type[StorageError], ...]]]:
    for name in BAD_NAMES:
        if name.endswith("/") and name.strip("/"):
            continue
        raw = name.encode("utf-8", "surrogateescape")
        data = Zip().add(b"good.bin").add(raw, flags=0x800).done()
        yield f"the name {name[:40]!r}", data, UnsafePath, UnsafeArchive
    for first, second in BAD_PAIRS:
        pair = Zip().add(first.encode(), flags=0x800).add(second.encode(), flags=0x800)
        yield f"the names {first!r} and {second!r}", pair.done(), UnsafePath
    for what, mode in _MODES.items():
        odd = Zip().add(b"good.bin").add(b"odd", b"/etc/passwd", mode=mode | 0o777)
        yield f"a {what}", odd.done(), UnsafeArchive
    for inner in ("inner.zip", "in/inner.tar", "inner.tar.gz"):
        data = Zip().add(inner.encode(), Zip().add(b"a").done()).done()
        yield f"an archive {inner} in it", data, UnsafeArchive
    for name, flags in {"encrypted": 1, "strongly": 0x41, "masked": 0x2000}.items():
        data = Zip().add(b"a", flags=flags).done()
        yield f"encrypted ({name})", data, UnsafeArchive
    for method in (1, 6, 9, 12, 14, 93, 95, 99):
        data = Zip().add(b"a", method=method).done()
        yield f"packed in the way {method}", data, UnsafeArchive
    yield (
        "another name in front",
        Zip().add(b"a", local_name=b"b").done(),
        UnsafeArchive,
    )
    twice = Zip().add(b"a", _TEXT).add(b"b", _TEXT, offset=0)
    yield "two files in one place", twice.done(), UnsafeArchive
    yield "hidden bytes", Zip().add(b"a").hide(b"secret").done(), UnsafeArchive
    yield "bytes in front", Zip().add(b"a").done(before=b"#!/bin/sh\n"), UnsafeArchive
    yield "two disks", Zip().add(b"a").done(disk=1), UnsafeArchive


def _damaged_zips() -> Iterator[tuple[str, bytes, *tuple[type[StorageError], ...]]]:
    both = UnsafeArchive, Corrupt
    for said in ({"crc": 1}, {"size": 7}, {"size": 10**6}, {"packed": 9}):
        for method in (0, 8):
            data = Zip().add(b"a", _TEXT, method=method, said=said).add(b"b").done()
            yield f"{said} said, method {method}", data, *both
    for ends in ({"count": 2}, {"count": 0}, {"size": 1}, {"start": 0}, {"start": 5}):
        yield f"{ends} said at the end", Zip().add(b"a").done(said=ends), *both
    for ends in ({"count": 0xFFFF}, {"size": 0xFFFFFFFF}, {"start": 0xFFFFFFFF}):
        yield f"{ends} without the long end", Zip().add(b"a").done(said=ends), *both
    lie = Zip().add(b"a", said={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF})
    yield "long sizes that are nowhere", lie.done(), *both
    extra = struct.pack("<2H2Q", 1, 16, 1 << 62, 1 << 62)
    vast = Zip().add(
        b"a", said=dict.fromkeys(("size", "packed"), 0xFFFFFFFF), extra=extra
    )
    yield "vast sizes", vast.done(), *both
    fake = Zip().add(b"fake").done()
    yield "another end in the comment", Zip().add(b"a").done(comment=fake), *both
    yield "no member", Zip().done(), Corrupt
    yield "text", _TEXT, Corrupt
    yield "a tar", tar(_GOOD), Corrupt


def _cut_off() -> Iterator[BadModel]:
    """Yield good archives that end too early, or have one other byte."""
    plain = _real_tar()
    packed = {
        "model.tar": plain,
        "model.tar.gz": gzip.compress(plain, mtime=0),
        "model.zip": Zip().add(b"a", _TEXT, method=8).add(b"b", _TEXT).done(),
    }
    for path, data in packed.items():
        for tenth in range(10):
            size = max(1, len(data) * tenth // 10)
            name = f"{path}: {size} of {len(data)} bytes"
            yield _archive(name, path, data[:size], Corrupt, UnsafeArchive)
    data = packed["model.tar.gz"]
    for at in range(10, len(data), max(1, len(data) // 12)):
        changed = bytearray(data)
        changed[at] ^= 0x55
        name = f"model.tar.gz: byte {at} is another"
        yield _archive(name, "model.tar.gz", bytes(changed), Corrupt, UnsafeArchive)


def _bombs() -> Iterator[BadModel]:
    zeros = bytes(8 << 20)
    bomb = tar(tar_member("zeros", zeros))
    gz = gzip.compress(bomb, 9, mtime=0)
    yield _archive("bomb.tar.gz", "bomb.tar.gz", gz, UnsafeArchive)
    tail = gzip.compress(tar(_GOOD) + zeros, 9, mtime=0)
    yield _archive("a bomb behind the end", "bomb.tgz", tail, UnsafeArchive)
    pipe = Zip().add(b"zeros", zeros, method=8).done()
    yield _archive("bomb.zip", "bomb.zip", pipe, UnsafeArchive)
    spread = Zip()
    for n in range(64):
        spread.add(b"zeros-%d" % n, bytes(1 << 18), method=8)
    yield _archive("a bomb of many", "bomb.zip", spread.done(), UnsafeArchive)
    many = tar(*(tar_member(f"file-{n}") for n in range(30)))
    yield _archive("30 files of 20", "m.tar", many, TooLarge, max_files="20")
    folders = tar(*(tar_member(f"d{n}/", kind=b"5") for n in range(30)), _GOOD)
    yield _archive("30 folders of 20", "m.tar", folders, TooLarge, max_files="20")
    big = tar(*(tar_member(f"{n}", _TEXT) for n in range(4)))
    packed = gzip.compress(big, mtime=0)
    yield _archive("too many bytes", "m.tar.gz", packed, TooLarge, max_bytes="100000")
    files = Zip()
    for n in range(4):
        files.add(b"%d" % n, _TEXT, method=8)
    yield _archive(
        "too many bytes, zip", "m.zip", files.done(), TooLarge, max_bytes="100000"
    )


def _others() -> Iterator[BadModel]:
    for path in ("m.tar.bz2", "m.tbz2", "m.tar.xz", "m.7z", "m.rar", "m.TXZ"):
        data = bz2.compress(tar(_GOOD))
        yield _archive(f"the kind of {path}", path, data, NotAllowed)


def _real_tar() -> bytes:
    """Return an archive as Python writes it."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in ("a.bin", "in/b.bin"):
            member = tarfile.TarInfo(name)
            member.size = len(_TEXT)
            archive.addfile(member, io.BytesIO(_TEXT))
    return written.getvalue()
