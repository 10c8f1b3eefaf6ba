"""`pull`: from a URI to a folder outside the cache."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

from inferry.storage import LocalPath, shown_uri
from inferry_storage.cache import durability
from inferry_storage.cache.donors import Donors
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.linking import link_tree
from inferry_storage.cache.manifest import Manifest, Tree
from inferry_storage.fetching.building import Built, build, require
from inferry_storage.fetching.caching import Fetched, IntoCache
from inferry_storage.fetching.destination import Destination
from inferry_storage.fetching.earlier import Pulls, present
from inferry_storage.fetching.opening import opened
from inferry_storage.fetching.resolving import settled
from inferry_storage.progress import Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Entry, Secret, Snapshot, Source
    from inferry_storage.cache.folder import Found
    from inferry_storage.fetching.opening import Store


async def pull(
    source: Source,
    destination: Path,
    *,
    plugins: Plugins,
    settings: Settings,
    on_progress: Callable[[Progress], None] | None = None,
    secrets: Sequence[Secret] = (),
    by_cache: bool = False,
) -> Fetched:
    """Put *source* into the folder *destination*: all of it, or nothing.

    A folder that is not there appears in one step; one that is there gets the files at
    the end, and keeps what else it holds. What is already there is not fetched again.
    *by_cache*, or where ``[storage] cache_dir`` is set, the files are hard links to the
    cache if that is on the same disk. A local path is linked to, never copied.

    Raises:
        StorageError: With the reason and what to do; it never holds a secret.

    """
    reporter = Reporter(source.uri, tell=on_progress)
    place = Destination(destination)
    place.check()
    async with opened(
        source, plugins=plugins, settings=settings, secrets=secrets
    ) as store:
        place.check(store.policy.cache_dir)
        by_cache = by_cache or bool(settings.section("storage").get("cache_dir"))
        into = _IntoFolder(store, reporter, place, by_cache=by_cache)
        return await settled(store, reporter, into.pull, into.link)


class _IntoFolder:
    """Brings one source into one folder."""

    def __init__(
        self, store: Store, reporter: Reporter, place: Destination, *, by_cache: bool
    ) -> None:
        self._store = store
        self._reporter = reporter
        self._place = place
        self._by_cache = by_cache
        self._cache = Cache(store.policy.cache_dir)
        self._pulls = Pulls(self._cache)
        self._via = IntoCache(store, reporter)

    async def pull(self, snapshot: Snapshot) -> Fetched:
        """Fetch *snapshot*, or link what the cache has of it."""
        key = self._via.key(snapshot)
        path = self._place.path
        if known := await asyncio.to_thread(self._pulls.same, path, key):
            require(known.uri, known.rung, self._store.policy)
            return Fetched.of(known, path, None)
        if not self._by_cache:
            self._via.plan(snapshot)
        async with self._place.writing(
            key, on_wait=lambda: self._reporter.enter("waiting")
        ) as folder:
            if self._by_cache:
                self._cache.prepare()
            if self._by_cache and _device(self._cache.root) == _device(folder):
                return await self._from_cache(snapshot, folder)
            return await self._straight(snapshot, folder)

    async def link(self, found: LocalPath) -> Fetched:
        """Put symbolic links to what is on this machine into the folder."""
        async with self._place.writing("local") as folder:
            return await asyncio.to_thread(self._linked, found, folder)

    async def _from_cache(self, snapshot: Snapshot, folder: Path) -> Fetched:
        found, count = await self._via.found(snapshot)
        with found.lease:
            return await asyncio.to_thread(self._cloned, found, count, folder)

    def _cloned(self, found: Found, count: int | None, folder: Path) -> Fetched:
        from inferry_storage.transfer.target import disk_errors

        tree = folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        with disk_errors(folder):
            link_tree(found.path, found.manifest, tree)
        built = Built(
            folder=folder, tree=tree, manifest=found.manifest, bytes_fetched=0
        )
        return self._placed(built, count)

    async def _straight(self, snapshot: Snapshot, folder: Path) -> Fetched:
        ours = self._place.ours(self._pulls.last(self._place.path))
        if not (snapshot.layers or self._store.policy.unpack):
            self._place.foresee(snapshot, ours)
        there = await asyncio.to_thread(present, self._place.path, snapshot, ours)
        donors = Donors(self._cache, snapshot, folder)

        def have(entry: Entry) -> Path | None:
            return there.get(entry.path) or donors(entry)

        try:
            built = await build(
                snapshot, self._store, folder, reporter=self._reporter, have=have
            )
        finally:
            donors.release()
        return await asyncio.to_thread(self._placed, built, built.bytes_fetched)

    def _linked(self, found: LocalPath, folder: Path) -> Fetched:
        tree = folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(mode=0o755)
        there = found.path
        for each in sorted(there.iterdir()) if there.is_dir() else [there]:
            (tree / each.name).symlink_to(each)
        made = Manifest(
            uri=shown_uri(found.uri),
            id=str(there),
            rung="local",
            bytes=0,
            created=time.time(),
            boot=durability.boot(),
            files=(),
            links=Tree.of(tree).links,
        )
        built = Built(folder=folder, tree=tree, manifest=made, bytes_fetched=0)
        return self._placed(built, None)

    def _placed(self, built: Built, count: int | None) -> Fetched:
        from inferry_storage.transfer.target import disk_errors

        self._reporter.enter("publishing")
        path = self._place.path
        with disk_errors(path):
            self._place.place(built, self._place.ours(self._pulls.last(path)))
        self._pulls.note(path, built.manifest, built.folder.name)
        return Fetched.of(built.manifest, path, count)


def _device(path: Path) -> int:
    return path.stat().st_dev
