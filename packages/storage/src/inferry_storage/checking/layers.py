"""Layers of an image, laid over each other as the OCI image specification says.

A layer is a tar archive. ``.wh.NAME`` in it removes NAME from the layers below, and
``.wh..wh..opq`` all that is below in its folder (image-spec 1.1, layer.md). Where there
is a folder ``/models``, as in KServe's modelcars, it alone is the model: what else the
image holds, such as a shell, is dropped. Of links only those remain that point to a
file of the model: that file is then there under both names.
"""

from __future__ import annotations

import os
import posixpath
import shutil
from typing import TYPE_CHECKING

from inferry.storage import (
    Corrupt,
    EmptyModel,
    TooLarge,
    UnsafeArchive,
    UnsafePath,
)
from inferry_storage.checking import names, streams, tars

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from inferry.errors import StorageError
    from inferry_storage.checking.unpacked import Unpacked

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MODELS = "models"
#: These stand beside the folder, and remove it.
_HIDE_MODELS = {f"{_WHITEOUT}{_MODELS}", _OPAQUE}


class _Node:
    """A folder with children, or a file, or a symbolic link to *target*.

    ``level`` is the layer that made it.
    """

    __slots__ = ("children", "level", "target")

    def __init__(self, level: int, *, target: str = "", folder: bool = False) -> None:
        self.level = level
        self.target = target
        self.children: dict[str, _Node] | None = {} if folder else None

    @property
    def inside(self) -> dict[str, _Node]:
        """Return the children; nothing is in what is no folder."""
        return {} if self.children is None else self.children

    def newest(self) -> int:
        """Return the highest layer that made anything here."""
        below = self.inside.values()
        return max([self.level, *(child.newest() for child in below)])

    def leaves(self, path: str = "") -> Iterator[tuple[str, _Node]]:
        """Yield every file and link below with its path."""
        for name, child in self.inside.items():
            inner = f"{path}/{name}" if path else name
            if child.children is None:
                yield inner, child
            else:
                yield from child.leaves(inner)


class Layers:
    """The tree that the layers make, in memory and on disk."""

    def __init__(self, into: Unpacked) -> None:
        self._into = into
        self._root = _Node(-1, folder=True)
        self._level = 0
        self._models = False
        # What is wrong outside of /models is so only if the image has no /models.
        self._problem: StorageError | None = None
        self._hidden: list[tuple[list[str], bool]] = []

    def lay(self, layers: Sequence[Path]) -> Path:
        """Lay *layers*, the lowest first; return the folder that is the model.

        Raises:
            StorageError: A layer holds what no model holds, or is damaged.

        """
        for self._level, layer in enumerate(layers):
            self._hidden.clear()
            self._lay(layer)
            for parts, opaque in self._hidden:
                self._hide(parts, opaque=opaque)
        if self._problem:
            raise self._problem
        files = dict(self._root.leaves())
        self._link(files)
        top = f"{_MODELS}/" if self._models else ""
        names.check((path.removeprefix(top) for path in files), uri=self._into.uri)
        if not files:
            raise EmptyModel(
                f"{self._into.shown} holds no file", remedy="build the image anew"
            )
        return self._into.root / _MODELS if self._models else self._into.root

    def _lay(self, layer: Path) -> None:
        with streams.plain(layer, what=f"a layer of {self._into.shown}") as stream:
            tar = tars.Tar(self._into.counted(stream), open_end=True)
            try:
                for member in tar:
                    self._take(member, tar)
            except tars.BadTar as error:
                raise Corrupt(
                    f"{self._into.shown}: a layer {error}", remedy="push it anew"
                ) from error

    def _take(self, member: tars.Member, tar: tars.Tar) -> None:
        path = member.path.lstrip("/")
        if path in {"", "."}:
            return
        top, inside, _ = path.partition("/")
        wanted = top == _MODELS and bool(inside or member.kind == "folder")
        if wanted and not self._models:
            self._drop_all_but_models()
        hides = path in _HIDE_MODELS
        if (self._models or self._problem) and not (wanted or hides):
            return
        try:
            self._add(path, member, tar)
        except (TooLarge, UnsafeArchive, UnsafePath) as error:
            if wanted:
                raise
            self._problem = error

    def _add(self, path: str, member: tars.Member, tar: tars.Tar) -> None:
        self._into.count()
        if problem := names.unsafe(path):
            raise names.refused(path, problem, uri=self._into.uri)
        *above, name = parts = path.split("/")
        if name == _OPAQUE:
            self._hidden.append((above, True))
        elif name.startswith(_WHITEOUT):
            self._hidden.append(([*above, name.removeprefix(_WHITEOUT)], False))
        elif member.kind == "folder":
            self._folder(parts)
        elif member.kind == "other":
            raise self._unsafe(f"holds {path!r}, which is a device")
        else:
            self._leaf(parts, member, tar)

    def _leaf(self, parts: list[str], member: tars.Member, tar: tars.Tar) -> None:
        """Write a file; what was there in a layer below is replaced."""
        *above, name = parts
        path = "/".join(parts)
        folder = self._folder(above)
        if name in folder:
            if folder[name].newest() == self._level:
                raise names.refused(path, "is there twice", uri=self._into.uri)
            self._remove(path, folder.pop(name))
        if member.kind == "hardlink":
            self._hard_link(path, member.target)
        elif member.kind == "file":
            self._into.file(path, tar.chunks())
        target = member.target if member.kind == "symlink" else ""
        folder[name] = _Node(self._level, target=target)

    def _folder(self, parts: list[str]) -> dict[str, _Node]:
        """Return the children of the folder *parts*, which is made if need be."""
        children = self._root.inside
        for depth, name in enumerate(parts, start=1):
            node = children.get(name)
            if node is not None and node.children is None:
                path = "/".join(parts[:depth])
                if node.target or node.level == self._level:
                    problem = "is both a folder and something else"
                    raise names.refused(path, problem, uri=self._into.uri)
                self._remove(path, node)
                node = None
            if node is None:
                node = children[name] = _Node(self._level, folder=True)
            children = node.inside
        if parts:
            self._into.folder("/".join(parts))
        return children

    def _hard_link(self, path: str, target: str) -> None:
        node: _Node | None = self._root
        target = posixpath.normpath(target.lstrip("/"))
        for name in target.split("/"):
            node = node.inside.get(name) if node else None
        if node is None or node.children is not None or node.target:
            raise self._leads_out(path)
        os.link(self._into.root / target, self._into.root / path)

    def _link(self, files: dict[str, _Node]) -> None:
        """Make symbolic links to files of the model into those files."""
        for path, node in files.items():
            if not node.target:
                continue
            above = "" if node.target.startswith("/") else posixpath.dirname(path)
            target = posixpath.normpath(f"{above}/{node.target}").lstrip("/")
            if target not in files or files[target].target:
                raise self._leads_out(path)
            os.link(self._into.root / target, self._into.root / path)

    def _hide(self, parts: list[str], *, opaque: bool) -> None:
        """Remove *parts*, or all that is in there, as far as it is of layers below."""
        node: _Node | None = self._root
        above = parts if opaque else parts[:-1]
        for name in above:
            node = node.inside.get(name) if node else None
        children = node.inside if node else {}
        for name in list(children) if opaque else parts[-1:]:
            if name in children:
                self._remove_older(children, name, "/".join([*above, name]))

    def _remove_older(self, siblings: dict[str, _Node], name: str, path: str) -> None:
        node = siblings[name]
        for inner in list(node.inside):
            self._remove_older(node.inside, inner, f"{path}/{inner}")
        if node.level < self._level and not node.children:
            self._remove(path, siblings.pop(name))

    def _remove(self, path: str, node: _Node) -> None:
        if node.children is not None:
            shutil.rmtree(self._into.root / path)
        elif not node.target:
            (self._into.root / path).unlink()

    def _drop_all_but_models(self) -> None:
        self._models = True
        self._problem = None
        children = self._root.inside
        for name in [name for name in children if name != _MODELS]:
            del children[name]
        for each in self._into.root.iterdir():
            if each.name != _MODELS:
                shutil.rmtree(each) if each.is_dir() else each.unlink()

    def _leads_out(self, path: str) -> UnsafeArchive:
        return self._unsafe(f"holds the link {path!r} to what is no file of the model")

    def _unsafe(self, problem: str) -> UnsafeArchive:
        return UnsafeArchive(
            f"{self._into.shown} {problem}", remedy="build the image without it"
        )
