"""What a tree on this machine holds, written down when it was made."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import Entry
from inferry_storage.cache import durability

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "manifest.json"
_CHUNK = 1 << 20
#: Python leaves these where it imports a model's code.
_IGNORED = frozenset({"__pycache__"})


class File(msgspec.Struct, frozen=True, array_like=True):
    """One file: where it is, how it was last seen, and what it is a copy of.

    ``key`` names its content over all snapshots, empty where nothing does; ``digest``
    is what the store promised, as ``algorithm:hex``, empty where it did not.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int
    key: str = ""
    digest: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A tree, the snapshot it is of, and how far that was verified.

    ``uri`` may be shown. ``boot`` is the boot of the machine that wrote the tree; until
    it is ``synced`` nothing is sure to be on the disk after another. ``links`` are the
    symbolic links of the tree, to what is local and not copied. ``key`` names the tree
    where the place it is in does not.
    """

    uri: str
    id: str
    rung: str
    bytes: int
    created: float
    boot: str
    synced: bool = False
    files: tuple[File, ...]
    folders: tuple[str, ...] = ()
    links: Mapping[str, str] = {}
    key: str = ""
    format: int = 1

    @property
    def is_sure(self) -> bool:
        """Whether no bytes can have been lost with the power since it was written."""
        return self.synced or self.boot == durability.boot() != ""


def read(path: Path) -> Manifest | None:
    """Return the manifest in the file *path*; None if there is none to be used."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return found if found.format == 1 else None


def write(path: Path, manifest: Manifest) -> None:
    """Write *manifest* to the file *path*, in one step."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(msgspec.json.encode(manifest))
    part.replace(path)


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """What is below a folder now."""

    files: tuple[File, ...]
    folders: tuple[str, ...]
    links: Mapping[str, str]

    @classmethod
    def of(cls, root: Path) -> Tree:
        """Look at everything below *root*."""
        files: list[File] = []
        folders: list[str] = []
        links: dict[str, str] = {}
        for path, entry in _walk(root, ""):
            if entry.is_symlink():
                links[path] = str((root / path).readlink())
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                seen = entry.stat(follow_symlinks=False)
                files.append(File(path, seen.st_size, seen.st_mtime_ns, seen.st_ino))
        return cls(
            files=tuple(sorted(files, key=lambda each: each.path)),
            folders=tuple(sorted(folders)),
            links=links,
        )

    @property
    def bytes(self) -> int:
        """The bytes of all files."""
        return sum(each.size for each in self.files)


def unlike(root: Path, manifest: Manifest) -> str:
    """Say what below *root* is not as it was written down; empty if all is."""
    files = {each.path: each for each in manifest.files}
    folders = set(manifest.folders)
    missing = files.keys() | folders | manifest.links.keys()
    below = [""]
    # One pass and few objects per file: each use of a model waits for it.
    while below:
        prefix = below.pop()
        try:
            entries = os.scandir(root / prefix)
        except OSError:
            return f"{prefix or root} is missing"
        with entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.name in _IGNORED and path not in missing:
                    continue
                if not _is_as_written(entry, path, files.get(path), manifest):
                    return f"{path} was changed"
                if path in folders:
                    below.append(f"{path}/")
                missing.discard(path)
    return f"{min(missing)} is missing" if missing else ""


def _is_as_written(
    entry: os.DirEntry[str], path: str, file: File | None, manifest: Manifest
) -> bool:
    """Say whether *entry* was there when the tree was made, and is the same now."""
    if file is None:
        if entry.is_symlink():
            return manifest.links.get(path) == os.readlink(entry.path)  # noqa: PTH115 - as it stands
        return path in manifest.folders and entry.is_dir()
    seen = entry.stat(follow_symlinks=False)
    return (
        seen.st_size == file.size
        and seen.st_mtime_ns == file.mtime_ns
        and seen.st_ino == file.inode
        and stat.S_ISREG(seen.st_mode)
    )


def mended(root: Path, manifest: Manifest) -> Manifest | None:
    """Return *manifest* as the files below *root* are now, if their digests say so.

    It reads every byte. None where one is another, or has no digest to be told by.
    """
    tree = Tree.of(root)
    before = {each.path: each for each in manifest.files}
    if tree.links != manifest.links or before.keys() != {e.path for e in tree.files}:
        return None
    files = []
    for each in tree.files:
        was = before[each.path]
        if each.size != was.size or not has(root / each.path, was.size, was.digest):
            return None
        files.append(msgspec.structs.replace(each, key=was.key, digest=was.digest))
    return msgspec.structs.replace(manifest, files=tuple(files))


def holds(root: Path, manifest: Manifest) -> bool:
    """Say whether every file is below *root* as it was written down; others may be."""
    base = f"{root}/"
    try:
        return all(is_file(os.lstat(base + f.path), f) for f in manifest.files) and all(
            os.readlink(base + path) == leads  # noqa: PTH115 - as it stands
            for path, leads in manifest.links.items()
        )
    except OSError:
        return False


def is_file(seen: os.stat_result, file: File) -> bool:
    """Say whether what is *seen* is the *file* that was written down."""
    now = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
    return now == (file.size, file.mtime_ns, file.inode)


def has(path: Path, size: int, digest: str) -> bool:
    """Say whether the bytes of *path* have *digest*; not if there is none."""
    from inferry_storage.transfer import digests

    entry = Entry(path=path.name, size=size, digest=digest)
    found = digests.digest(entry) if digest else None
    if found is None:
        return False
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return digests.agrees(entry, found)


def _walk(root: Path, below: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield each name below *root* with its path; folders before what they hold."""
    with os.scandir(root / below if below else root) as entries:
        found = [each for each in entries if each.name not in _IGNORED]
    for each in found:
        path = f"{below}/{each.name}" if below else each.name
        yield path, each
        if each.is_dir(follow_symlinks=False):
            yield from _walk(root, path)
