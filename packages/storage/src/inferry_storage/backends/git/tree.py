"""The files of a commit, as its trees list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.storage import Corrupt, InvalidUri, NotFound, TooLarge, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_storage.backends.git.pack import Pack

_TREE, _LINK, _MODULE = 0o40000, 0o120000, 0o160000
_FILES = {0o100644, 0o100755, 0o100664}
_MAX_DEPTH = 128
_OID = 20


class File(msgspec.Struct, frozen=True):
    """A file: its path below what was asked for, and the name of its blob."""

    path: str
    blob: bytes


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """All files, and the paths of submodules, which are other repositories."""

    files: tuple[File, ...]
    modules: tuple[str, ...]


def listing(pack: Pack, commit: str, path: str, most: int) -> Listing:
    """Return what *path* holds at *commit*; empty is all.

    Raises:
        NotFound: The commit has no such path.
        TooLarge: There are more than *most* files.
        UnsafePath: There is a symbolic link, or a name that is not UTF-8.

    """
    root = _root(pack, bytes.fromhex(commit))
    mode, name = _found(pack, root, path)
    if mode in _FILES:
        return Listing(files=(File(path.rpartition("/")[2], name),), modules=())
    files, modules = [], []
    for at, kind, oid in _walked(pack, name):
        if kind == _MODULE:
            modules.append(at)
        elif kind in _FILES:
            files.append(File(at, oid))
        else:
            what = "a symbolic link" if kind == _LINK else f"of mode {kind:o}"
            raise UnsafePath(
                f"{at!r} is {what}, which may lead out of the model",
                remedy="commit the file itself in its place",
            )
        if len(files) > most:
            raise TooLarge(
                f"more than {most} files",
                remedy="name a folder of it with #FOLDER, or set [storage] max_files",
            )
    return Listing(files=tuple(files), modules=tuple(modules))


def _root(pack: Pack, commit: bytes) -> bytes:
    kind = pack.kind(commit)
    if kind == "tag":
        aim = pack.load(commit).partition(b"\n")[0].removeprefix(b"object ")
        raise InvalidUri(
            f"{commit.hex()[:12]} is a tag and not a commit",
            remedy=f"pin the commit {aim.decode('ascii', 'replace')[:40]}",
        )
    line = pack.load(commit).partition(b"\n")[0] if kind == "commit" else b""
    if not line.startswith(b"tree "):
        raise Corrupt(f"the server did not send the commit {commit.hex()[:12]}")
    try:
        return bytes.fromhex(line[5:].decode("ascii"))
    except ValueError:
        raise Corrupt(f"the commit {commit.hex()[:12]} is broken") from None


def _found(pack: Pack, tree: bytes, path: str) -> tuple[int, bytes]:
    mode, name = _TREE, tree
    for part in path.split("/") if path else []:
        inside = (
            {at: (m, n) for at, m, n in _items(pack, name)} if mode == _TREE else {}
        )
        if part not in inside:
            raise NotFound(f"the commit has no {path!r}", remedy="correct the #FOLDER")
        mode, name = inside[part]
    if mode not in {*_FILES, _TREE}:
        raise NotFound(f"{path!r} is neither a file nor a folder of the commit")
    return mode, name


def _walked(pack: Pack, tree: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Yield all that is no tree, depth first."""
    open_trees = [("", tree)]
    while open_trees:
        folder, name = open_trees.pop()
        if folder.count("/") > _MAX_DEPTH:
            raise UnsafePath(f"{folder[:80]!r}… is too deep")
        for at, mode, oid in _items(pack, name):
            if mode == _TREE:
                open_trees.append((f"{folder}{at}/", oid))
            else:
                yield f"{folder}{at}", mode, oid


def _items(pack: Pack, tree: bytes) -> Iterator[tuple[str, int, bytes]]:
    if pack.kind(tree) != "tree":
        raise Corrupt(f"the pack lacks the tree {tree.hex()[:12]}")
    data, place = pack.load(tree), 0
    while place < len(data):
        space, end = data.find(b" ", place), data.find(b"\0", place)
        oid = data[end + 1 : end + 1 + _OID]
        if not place < space < end or len(oid) != _OID:
            raise Corrupt(f"the tree {tree.hex()[:12]} is broken")
        try:
            mode, at = int(data[place:space], 8), data[space + 1 : end].decode("utf-8")
        except ValueError:
            shown = data[space + 1 : end][:80].decode("ascii", "backslashreplace")
            raise UnsafePath(f"the name {shown!r} is not UTF-8") from None
        if not at or "/" in at:
            raise UnsafePath(f"{at[:80]!r} is not the name of a file")
        yield at, mode, oid
        place = end + 1 + _OID
