"""Code in one file, found by what the file holds, whatever its name says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from inferry_storage.checking import (
    configs,
    numpy_files,
    onnx_files,
    pickles,
    streams,
    tars,
    zips,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_CHUNK = 1 << 20
_DEEPEST = 3
_MOST_SHOWN = 3
#: What is packed is looked into up to so many times its size, and so much more.
_RATIO = 200
_GRACE = 64 << 20
#: An archive in an archive is copied to be looked into.
_LARGEST_COPY = 64 << 20
#: Python, and what the system loads into a process.
_CODE = {".py", ".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib"}
_ELF = b"\x7fELF"
_PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"}
_HDF5 = b"\x89HDF\r\n\x1a\n"
#: An HDF5 file may begin with a block of the user's, of one of these lengths.
_HDF5_STARTS = (0, *(512 << n for n in range(12)))
_HDF5_SUFFIXES = {".h5", ".hdf5"}
_LZ4 = b"\x04\x22\x4d\x18"
_OLD_JOBLIB = b"ZF"
_UNREAD = "is compressed in a way that is not looked into"
_OPERATIONS = re.compile(
    rb"\x12[\x06-\x14](ReadFile|WriteFile|PyFunc|PyFuncStateless|EagerPyFunc"
    rb"|MatchingFiles|LoadLibrary)[\x1a\"*2]"
)
_OVERLAP = 256
_SUFFIXES = {".gz", ".bz2", ".xz", ".lzma", ".z", ".zst"}
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError)


def code_in(file: io.BufferedReader, name: str) -> str:
    """Say what code *file*, which is called *name*, runs when it is loaded.

    Nothing is said where there is none. *file* is read only as far as needed.
    """
    size = file.seek(0, 2)
    try:
        return _Look(size).seekable(file, name, 0)
    except _TooMuch:
        return "unpacks to more than is looked into"


class _TooMuch(Exception):
    """What is packed goes on and on."""


class _Look:
    """A look into one file of *size* bytes, and into what is packed in it."""

    def __init__(self, size: int) -> None:
        self._left = _RATIO * size + _GRACE

    def seekable(self, file: io.BufferedReader, name: str, depth: int) -> str:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(tars.BLOCK)
        found = _by_name(file, name, head, size)
        is_zip = head.startswith(zips.MAGIC)
        if not found and (is_zip or zips.has_end(file)):
            found = self._in_zip(file, depth)
        if not found and any(_is_hdf5(file, start) for start in _HDF5_STARTS):
            file.seek(0)
            found = _in_windows(file, configs.in_hdf5)
        if not found and name.endswith(".pb"):
            file.seek(0)
            found = _in_windows(file, _operations)
        if found or is_zip:
            return found
        file.seek(0)
        found = self._stream(file, name, depth)
        if not found and (_opener(head) or tars.is_tar(head)):
            # A reader of pickles does not care that it is an archive, too.
            file.seek(0)
            found = _pickled(file, certain=False)
        return found

    def _stream(self, file: io.BufferedReader, name: str, depth: int) -> str:
        """Look into what is read once, from its start on."""
        suffix = PurePosixPath(name.lower()).suffix
        head = file.peek(tars.BLOCK)[: tars.BLOCK]
        if head.startswith(_LZ4) or (
            head.startswith(_OLD_JOBLIB) and suffix in _PICKLES
        ):
            return _UNREAD
        if (opener := _opener(head)) is not None:
            return self._compressed(opener(file), name, depth)
        if tars.is_tar(head):
            return self._in_tar(file, depth)
        if numpy_files.is_array(head):
            objects = numpy_files.holds_objects(file)
            return _pickled(file, certain=True) if objects else ""
        return _pickled(file, certain=suffix in _PICKLES and bool(head))

    def _compressed(self, chunks: Iterable[bytes] | None, name: str, depth: int) -> str:
        if chunks is None:
            return _UNREAD
        path = PurePosixPath(name)
        inner = path.stem if path.suffix.lower() in _SUFFIXES else name
        return self._inside(self._taken(chunks), inner, depth)

    def _in_zip(self, file: io.BufferedReader, depth: int) -> str:
        try:
            members = zips.members(file)
            script = any(PurePosixPath(m.path).name == "constants.pkl" for m in members)
            for member in members:
                if member.kind == "folder" or (script and _is_script(member.path)):
                    continue
                chunks = self._taken(zips.chunks(file, member))
                if found := self._inside(chunks, member.path, depth):
                    return f"holds {member.path!r}, which {found}"
        except zips.BadZip as error:
            return f"cannot be looked into: the zip {error}"
        return ""

    def _in_tar(self, file: io.BufferedReader, depth: int) -> str:
        tar = tars.Tar(file, open_end=True)
        try:
            for member in tar:
                chunks = self._taken(tar.chunks())
                if member.kind == "file" and (
                    found := self._inside(chunks, member.path, depth)
                ):
                    return f"holds {member.path!r}, which {found}"
        except tars.BadTar as error:
            return f"cannot be looked into: the archive {error}"
        return ""

    def _inside(self, chunks: Iterator[bytes], name: str, depth: int) -> str:
        """Look into a file of an archive; an archive again is copied first."""
        if depth >= _DEEPEST:
            return "is packed again and again"
        inner = streams.buffered(chunks)
        head = inner.peek(len(_HDF5))
        suffix = PurePosixPath(name.lower()).suffix
        if head.startswith(_HDF5) or suffix in _HDF5_SUFFIXES:
            return _in_windows(inner, configs.in_hdf5)
        if suffix == ".pb":
            return _in_windows(inner, _operations)
        if not head.startswith(zips.MAGIC) and suffix not in {".json", *_CODE}:
            return self._stream(inner, name, depth + 1)
        copy = inner.read(_LARGEST_COPY + 1)
        if len(copy) > _LARGEST_COPY:
            return "is too large to be looked into inside an archive"
        return self.seekable(io.BufferedReader(io.BytesIO(copy)), name, depth + 1)

    def _taken(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._left -= len(chunk)
            if self._left < 0:
                raise _TooMuch
            yield chunk


def _by_name(file: io.BufferedReader, name: str, head: bytes, size: int) -> str:
    path = PurePosixPath(name.lower())
    if path.suffix in _CODE or ".so." in path.name or head.startswith(_ELF):
        return "is code"
    file.seek(0)
    if path.suffix == ".json":
        return configs.in_json(file, path.name, size)
    return onnx_files.outside(file, size) if path.suffix == ".onnx" else ""


def _pickled(file: io.BufferedReader, *, certain: bool) -> str:
    names = pickles.names_in(file, certain=certain)
    if not names:
        return ""
    more = len(names) - _MOST_SHOWN
    shown = ", ".join(names[:_MOST_SHOWN])
    return f"is a pickle with {shown}" + (f" and {more} more" if more > 0 else "")


def _is_script(path: str) -> bool:
    """Say whether *path* is in the language of TorchScript, which is no Python."""
    parts = PurePosixPath(path).parts
    return "code" in parts[:-1] and path.endswith((".py", ".py.debug_pkl"))


def _is_hdf5(file: io.BufferedReader, start: int) -> bool:
    file.seek(start)
    return file.read(len(_HDF5)) == _HDF5


def _in_windows(file: io.BufferedReader, look: Callable[[bytes, int], str]) -> str:
    """Return the first thing that *look* finds in a window that moves over *file*.

    What begins where the next window begins is left to that.
    """
    window = file.read(_CHUNK)
    while chunk := file.read(_CHUNK):
        window += chunk
        until = len(window) - _OVERLAP
        if found := look(window, until):
            return found
        window = window[until:]
    return look(window, len(window))


def _operations(window: bytes, until: int) -> str:
    found = _OPERATIONS.search(window, 0, until + _OVERLAP)
    return f"has the TensorFlow operation {found[1].decode()}" if found else ""


def _opener(
    head: bytes,
) -> Callable[[io.BufferedReader], Iterable[bytes] | None] | None:
    """Return what reads a file that begins with *head*, if it is compressed."""
    return next((_OPENERS[each] for each in _OPENERS if head.startswith(each)), None)


def _read(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield what *file* holds up to where it is damaged; no loader gets further."""
    try:
        # Not `read`, which loses what came before the damage.
        while chunk := file.read1(_CHUNK):
            yield chunk
    except _BROKEN:
        return


def _gzip(file: io.BufferedReader) -> Iterator[bytes]:
    return _read(cast("io.BufferedReader", gzip.open(file)))


def _bz2(file: io.BufferedReader) -> Iterator[bytes]:
    return _read(cast("io.BufferedReader", bz2.open(file)))


def _lzma(file: io.BufferedReader) -> Iterator[bytes]:
    return _read(cast("io.BufferedReader", lzma.open(file)))


def _zlib(file: io.BufferedReader) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    waiting = b""
    try:
        while not inflater.eof:
            waiting = waiting or file.read(_CHUNK)
            chunk = inflater.decompress(waiting, _CHUNK)
            waiting = inflater.unconsumed_tail
            if not chunk and not waiting:
                return
            yield chunk
    except zlib.error:
        return


def _zstd(file: io.BufferedReader) -> Iterator[bytes] | None:
    zstd = streams.zstd_module()
    if zstd is None:
        return None
    return _zstd_read(zstd.open(file), zstd.ZstdError)


def _zstd_read(file: io.BufferedReader, broken: type[Exception]) -> Iterator[bytes]:
    try:
        yield from _read(file)
    except broken:
        return


_OPENERS: Mapping[bytes, Callable[[io.BufferedReader], Iterable[bytes] | None]] = {
    streams.GZIP: _gzip,
    b"BZh": _bz2,
    b"\xfd7zXZ\x00": _lzma,
    b"\x5d\x00\x00": _lzma,
    streams.ZSTD: _zstd,
    **dict.fromkeys((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), _zlib),
}
