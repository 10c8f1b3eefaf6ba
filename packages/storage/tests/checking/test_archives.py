"""Good archives become the files in them; bad ones are in `inferry_storage.testing`."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import tarfile
import zipfile
from typing import Any

import pytest

from inferry.storage import DiskFull, NoBackend, UnsafeArchive
from inferry_storage.checking import streams
from inferry_storage.checking.archives import unpack
from inferry_storage.testing._packing import Zip, tar, tar_member

FILES = {
    "config.json": b"{}",
    "empty": b"",
    "in/weights.bin": os.urandom(300_000),
    f"{'long-' * 30}/{'name-' * 30}é.bin": b"long",
}


def tarred(mode: str, form: int = tarfile.PAX_FORMAT) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode, format=form) as archive:
        folder = tarfile.TarInfo("./in")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in FILES.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(data)
            member.mode = 0o6777
            archive.addfile(member, io.BytesIO(data))
    return written.getvalue()


def zipped(method: int) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        archive.writestr("in/", b"")
        for name, data in FILES.items():
            archive.writestr(name, data)
    return written.getvalue()


class OneWay(io.RawIOBase):
    """A pipe: a zip written to it has its sizes behind its files."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.written += bytes(data)
        return len(bytes(data))


def piped() -> bytes:
    pipe = OneWay()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type] # it writes to it and nothing else
        for name, data in FILES.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    return pipe.written


def zstandard() -> bytes:
    zstd = streams.zstd_module()
    assert zstd is not None
    return bytes(zstd.compress(tarred("w")))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.tar", tarred("w")),
        ("model.tar", tarred("w", tarfile.GNU_FORMAT)),
        ("model.tar.gz", tarred("w:gz")),
        ("MODEL.TGZ", tarred("w:gz", tarfile.GNU_FORMAT)),
        ("model.tar.zst", zstandard()),
        ("model.zip", zipped(zipfile.ZIP_STORED)),
        ("model.zip", zipped(zipfile.ZIP_DEFLATED)),
        ("model.zip", piped()),
    ],
)
def test_an_archive_becomes_its_files(
    name: str, data: bytes, folder: Any, policy: Any
) -> None:
    root = folder({name: data})

    found = unpack(root, policy(unpack=True))

    assert found.is_relative_to(root)
    paths = [path for path in found.rglob("*") if path.is_file()]
    given = {path.relative_to(found).as_posix(): path.read_bytes() for path in paths}
    assert given == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o444}


@pytest.mark.parametrize(
    "files",
    [
        {"model.onnx": b"x"},
        {"model.pt": zipped(0)},
        {"a.tar": tarred("w"), "b": b"x"},
        {"in/model.tar": tarred("w")},
    ],
)
def test_what_is_no_archive_stays(
    files: dict[str, bytes], folder: Any, policy: Any
) -> None:
    root = folder(files)

    assert unpack(root, policy(unpack=True)) == root


def test_nothing_is_unpacked_that_was_not_asked_for(folder: Any, policy: Any) -> None:
    root = folder({"model.tar": tarred("w")})

    assert unpack(root, policy()) == root
    assert [each.name for each in root.iterdir()] == ["model.tar"]


def test_what_the_engine_keeps_beside_is_no_file_of_the_model(
    folder: Any, policy: Any
) -> None:
    root = folder({"model.tar": tarred("w"), ".journal": b"1"})

    assert unpack(root, policy(unpack=True)) != root


def test_what_a_killed_run_unpacked_is_replaced(folder: Any, policy: Any) -> None:
    root = folder({"model.zip": zipped(0), ".inferry-unpacked/old": b"old"})

    found = unpack(root, policy(unpack=True))

    assert not (found / "old").exists()


def test_a_refused_archive_leaves_nothing(folder: Any, policy: Any) -> None:
    link = tar_member("link", kind=b"2", target=b"/etc/passwd")
    root = folder({"model.tar": tar(tar_member("good", b"x"), link)})

    with pytest.raises(UnsafeArchive, match=r"https://host/model\.tar holds 'link'"):
        unpack(root, policy(unpack=True), uri="https://me:s3cret@host/model.tar?sig=s")

    assert [each.name for each in root.iterdir()] == ["model.tar"]


def test_a_full_disk_is_told_and_leaves_nothing(
    folder: Any, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder({"model.zip": Zip().add(b"a").done()})

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(DiskFull):
        unpack(root, policy(unpack=True))

    assert [each.name for each in root.iterdir()] == ["model.zip"]


def test_zstd_that_is_missing_is_named(
    folder: Any, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder({"model.tar.zst": zstandard()})
    monkeypatch.setitem(sys.modules, "backports", None)
    monkeypatch.setitem(sys.modules, "compression", None)

    with pytest.raises(NoBackend, match=r"pip install 'inferry-storage\[oci\]'"):
        unpack(root, policy(unpack=True))


def test_bytes_are_counted_as_they_come(folder: Any, policy: Any) -> None:
    """A bomb is refused long before it is unpacked, so the disk never fills."""
    root = folder({"model.zip": Zip().add(b"z", bytes(50 << 20), method=8).done()})
    before = os.times().user

    with pytest.raises(UnsafeArchive, match="200 times"):
        unpack(root, policy(unpack=True))

    assert os.times().user - before < 2
