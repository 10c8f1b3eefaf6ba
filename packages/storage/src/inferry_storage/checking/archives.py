"""Archives: unpacked only when asked, inside limits, without links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.storage import Corrupt, NotAllowed, UnsafeArchive
from inferry_storage.checking import names, streams, tars, zips
from inferry_storage.checking.layers import Layers
from inferry_storage.checking.unpacked import Unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from inferry_storage.policy import Policy

#: In the partial folder; names of models cannot begin so.
_UNPACKED = ".inferry-unpacked"
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst")
_ZIPS = (".zip",)
_OTHERS = (".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.lz4", ".7z", ".rar")
_REMEDY = "unpack it yourself and store the files"


def unpack(
    folder: Path,
    policy: Policy,
    *,
    layers: Sequence[Path] | None = None,
    uri: str = "",
) -> Path:
    """Return the folder that holds the model of *folder*; it blocks.

    That is *folder*, or one inside it where ``policy.unpack`` asks for it and the model
    is exactly one archive, or where the files are ``layers`` of an image.

    Raises:
        StorageError: It holds what no model holds, is too large, cut off or damaged.

    """
    if layers is not None:
        packed = sum(layer.stat().st_size for layer in layers)
        into = Unpacked(folder / _UNPACKED, policy, packed=packed, uri=uri)
        with into.filled():
            return Layers(into).lay(layers)
    archive = _only_file(folder) if policy.unpack else None
    name = archive.name.lower() if archive else ""
    if archive is None or not name.endswith(_TARS + _ZIPS + _OTHERS):
        return folder
    size = archive.stat().st_size
    into = Unpacked(folder / _UNPACKED, policy, packed=size, uri=uri or archive.name)
    if name.endswith(_OTHERS):
        raise NotAllowed(
            f"{into.shown} is an archive of a kind that is not unpacked",
            remedy="store it as .tar.gz or .zip",
        )
    with into.filled():
        if name.endswith(_ZIPS):
            _unzip(archive, into)
        else:
            _untar(archive, into)
    return into.root


def _only_file(folder: Path) -> Path | None:
    """Return the one file in *folder*, None where there are more or none."""
    found = [each for each in folder.iterdir() if not names.is_reserved(each.name)]
    return found[0] if len(found) == 1 and found[0].is_file() else None


def _untar(archive: Path, into: Unpacked) -> None:
    seen: list[str] = []
    with streams.plain(archive, what=into.shown) as stream:
        tar = tars.Tar(into.counted(stream))
        try:
            for member in tar:
                if member.kind == "folder" and member.path in {"", "."}:
                    continue
                _add(into, member.path, member.kind, tar.chunks(), seen)
        except tars.BadTar as error:
            raise _corrupt(into, error) from error
    _check(seen, into)


def _unzip(archive: Path, into: Unpacked) -> None:
    seen: list[str] = []
    with archive.open("rb") as file:
        try:
            for member in zips.members(file):
                path = member.path.removesuffix("/")
                _add(into, path, member.kind, _taken(file, member, into), seen)
        except zips.OddZip as error:
            raise _unsafe(into, str(error)) from error
        except zips.BadZip as error:
            raise _corrupt(into, error) from error
    _check(seen, into)


def _taken(file: BinaryIO, member: zips.Member, into: Unpacked) -> Iterator[bytes]:
    for chunk in zips.chunks(file, member):
        into.take(len(chunk))
        yield chunk


def _add(
    into: Unpacked, path: str, kind: str, chunks: Iterator[bytes], seen: list[str]
) -> None:
    into.count()
    if problem := names.unsafe(path):
        raise names.refused(path, problem, uri=into.uri)
    if kind == "folder":
        into.folder(path)
    elif kind != "file":
        raise _unsafe(into, f"holds {path!r}, which is no file but a link or a device")
    elif path.lower().endswith(_TARS + _ZIPS + _OTHERS):
        raise _unsafe(into, f"holds {path!r}, which is an archive again")
    else:
        into.file(path, chunks)
        seen.append(path)


def _check(seen: list[str], into: Unpacked) -> None:
    if not seen:
        raise Corrupt(f"{into.shown} holds no file", remedy="store it anew")
    names.check(seen, uri=into.uri)


def _unsafe(into: Unpacked, problem: str) -> UnsafeArchive:
    return UnsafeArchive(f"{into.shown} {problem}", remedy=_REMEDY)


def _corrupt(into: Unpacked, error: Exception) -> Corrupt:
    return Corrupt(f"{into.shown} {error}", remedy="store it anew")
