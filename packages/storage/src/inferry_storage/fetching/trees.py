"""`fetch_tree`: several sources, each below its mount path, as one tree."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from inferry.storage import NotAllowed, shown_uri
from inferry_storage.cache import durability, leases, manifest
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.linking import link_tree
from inferry_storage.cache.manifest import Manifest, Tree
from inferry_storage.fetching.building import Built
from inferry_storage.fetching.caching import Fetched, fetch_model
from inferry_storage.policy import RUNGS, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Secret, Source
    from inferry_storage.progress import Progress

#: Where KServe's containers find models; mount paths are below it.
MOUNT = PurePosixPath("/mnt/models")
_Part = tuple[PurePosixPath, Fetched]


async def fetch_tree(
    sources: Sequence[Source],
    *,
    plugins: Plugins,
    settings: Settings,
    on_progress: Callable[[Progress], None] | None = None,
    on_fetched: Callable[[Fetched], None] | None = None,
    secrets: Sequence[Secret] = (),
) -> Path:
    """Return one folder that holds each of *sources* below its mount path.

    The files are hard links to the cache; local paths are linked to. The folder stays
    there until this process ends or gives it to `release`. ``on_fetched`` is told of
    each source how far it was verified, and how much of it came now.

    Raises:
        StorageError: As `fetch`; `NotAllowed` where two sources have the same file.

    """
    parts: list[_Part] = []
    try:
        for source in sources:
            one = await fetch_model(
                source,
                plugins=plugins,
                settings=settings,
                on_progress=on_progress,
                secrets=secrets,
            )
            parts.append((_below(source), one))
            if on_fetched is not None:
                on_fetched(one)
        if len(parts) == 1 and parts[0][0] == PurePosixPath():
            return parts.pop()[1].path
        return await _joined(parts, Policy.of(settings.section("storage")).cache_dir)
    finally:
        # The tree has links of its own.
        for _, one in parts:
            one.release()


def _below(source: Source) -> PurePosixPath:
    """Return the mount path below /mnt/models.

    Raises:
        NotAllowed: It is elsewhere.

    """
    path = PurePosixPath(source.mount_path)
    if not path.is_relative_to(MOUNT) or ".." in path.parts:
        raise NotAllowed(
            f"{shown_uri(source.uri)} has the mount path {source.mount_path}",
            remedy=f"choose one below {MOUNT}",
        )
    return path.relative_to(MOUNT)


async def _joined(parts: list[_Part], root: Path) -> Path:
    cache = Cache(root)
    cache.prepare()
    key = _key(parts)
    async with cache.writing(key) as folder:
        found = await asyncio.to_thread(cache.find, key)
        if found is None:
            built = await asyncio.to_thread(_linked, parts, folder)
            found = await cache.publish(key, built)
        leases.hold(found.path, found.lease)
        return found.path


def _key(parts: list[_Part]) -> str:
    text = repr(
        sorted((str(below), str(one.path), _local_names(one)) for below, one in parts)
    )
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]


def _local_names(one: Fetched) -> list[str]:
    """Return what a local source holds now; the cache's trees never change."""
    return [name for name, _ in _local(one.path)] if one.rung == "local" else []


def _linked(parts: list[_Part], folder: Path) -> Built:
    """Make the tree of *parts* in *folder*; the deepest mount paths first."""
    tree = folder / "tree"
    _refuse_clashes(parts)
    tree.mkdir(mode=0o755)
    for below, one in sorted(parts, key=lambda each: -len(each[0].parts)):
        target = tree.joinpath(*below.parts)
        known = manifest.read(one.path.parent / manifest.NAME)
        if one.rung != "local" and known is not None:
            link_tree(one.path, known, target)
        else:
            target.mkdir(parents=True, exist_ok=True)
            for name, path in _local(one.path):
                (target / name).symlink_to(path)
    found = Tree.of(tree)
    return Built(
        folder=folder,
        tree=tree,
        bytes_fetched=0,
        manifest=Manifest(
            uri=" + ".join(one.uri for _, one in parts),
            id=folder.name,
            rung=_lowest(one.rung for _, one in parts),
            bytes=found.bytes,
            created=time.time(),
            boot=durability.boot(),
            files=found.files,
            folders=found.folders,
            links=found.links,
        ),
    )


def _refuse_clashes(parts: list[_Part]) -> None:
    """Refuse two sources that give the same path, or a file where one has a folder."""
    files: dict[PurePosixPath, str] = {}
    folders: dict[PurePosixPath, str] = {}
    for below, one in parts:
        names = [below / name for name in _names(one)]
        folders.update({each: one.uri for name in names for each in name.parents})
        for name in names:
            if (other := files.get(name)) is not None:
                raise _clash(name, other, one.uri)
            files[name] = one.uri
    for name in files.keys() & folders.keys():
        raise _clash(name, files[name], folders[name])


def _clash(name: PurePosixPath, one: str, other: str) -> NotAllowed:
    return NotAllowed(
        f"{one} and {other} both have {MOUNT / name}",
        remedy="give one of them another mountPath, or leave files out with "
        "ignore_patterns",
    )


def _names(one: Fetched) -> list[str]:
    known = manifest.read(one.path.parent / manifest.NAME)
    if one.rung != "local" and known is not None:
        return [each.path for each in known.files]
    return [name for name, _ in _local(one.path)]


def _local(path: Path) -> list[tuple[str, Path]]:
    """Return what is linked to of a local source: what a folder has, or the file."""
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    return [(each.name, each) for each in found]


def _lowest(rungs: Iterable[str]) -> str:
    known = [each for each in rungs if each in RUNGS]
    return min(known, key=list(RUNGS).index, default="local")
