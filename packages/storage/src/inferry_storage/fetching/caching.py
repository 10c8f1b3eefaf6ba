"""`fetch`: from a URI to a path on this machine, by way of the cache."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import Unverified, shown_uri
from inferry_storage.cache import cleaning, leases
from inferry_storage.cache.donors import Donors
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.keys import snapshot_key
from inferry_storage.fetching.building import build, require
from inferry_storage.fetching.opening import opened
from inferry_storage.fetching.resolving import identified, settled
from inferry_storage.fetching.selecting import Patterns
from inferry_storage.progress import Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import LocalPath, Secret, Snapshot, Source
    from inferry_storage.cache.folder import Found
    from inferry_storage.cache.manifest import Manifest
    from inferry_storage.fetching.opening import Store


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A model on this machine.

    ``rung`` says how far its bytes were verified: local, length, etag, checksum, digest
    or signature. ``uri`` may be shown. ``cached`` says that the cache had all of it.
    """

    path: Path
    uri: str
    snapshot: str = ""
    rung: str = "local"
    files: int = 0
    bytes: int = 0
    bytes_fetched: int = 0
    cached: bool = False

    @classmethod
    def of(cls, known: Manifest, path: Path, fetched: int | None) -> Fetched:
        """Describe the tree at *path*; *fetched* is None if nothing was asked for."""
        return cls(
            path=path,
            uri=known.uri,
            snapshot=known.id,
            rung=known.rung,
            files=len(known.files) + len(known.links),
            bytes=known.bytes,
            bytes_fetched=fetched or 0,
            cached=fetched is None,
        )

    def release(self) -> None:
        """Say that this process uses the path no more, so that it may be cleaned up."""
        leases.release(self.path)


async def fetch(
    source: Source,
    *,
    plugins: Plugins,
    settings: Settings,
    on_progress: Callable[[Progress], None] | None = None,
    secrets: Sequence[Secret] = (),
) -> Path:
    """Return where *source* is on this machine, downloading it if need be.

    A local path is returned as it is. Anything else is downloaded into the cache, once
    for all processes, and is visible only when it is complete; the path is then the
    folder that holds its files, which must not be written to. It stays there until this
    process ends or gives it to `release`.

    Raises:
        StorageError: With the reason and what to do; it never holds a secret.

    """
    fetched = await fetch_model(
        source,
        plugins=plugins,
        settings=settings,
        on_progress=on_progress,
        secrets=secrets,
    )
    return fetched.path


def release(path: Path) -> None:
    """Say that this process uses *path*, which `fetch` gave it, no more."""
    leases.release(path)


async def fetch_model(
    source: Source,
    *,
    plugins: Plugins,
    settings: Settings,
    on_progress: Callable[[Progress], None] | None = None,
    secrets: Sequence[Secret] = (),
) -> Fetched:
    """Do as `fetch` does, and say also what was fetched and how far it was verified.

    Raises:
        StorageError: With the reason and what to do; it never holds a secret.

    """
    reporter = Reporter(source.uri, tell=on_progress)
    async with opened(
        source, plugins=plugins, settings=settings, secrets=secrets
    ) as store:
        into = IntoCache(store, reporter)
        if snapshot := await identified(store, reporter):
            found = await into.there(snapshot)
            if found is not None:
                return into.leased(found, None)
        return await settled(store, reporter, into.fetch, _bound)


class IntoCache:
    """Brings one source into the cache."""

    def __init__(self, store: Store, reporter: Reporter) -> None:
        self._store = store
        self._reporter = reporter
        self._cache = Cache(store.policy.cache_dir)
        self._before: str | None = None

    async def fetch(self, snapshot: Snapshot) -> Fetched:
        """Return the tree of *snapshot*, which is downloaded if it is not there."""
        return self.leased(*await self.found(snapshot))

    def leased(self, found: Found, count: int | None) -> Fetched:
        """Let the process have the lease of *found*, for which *count* bytes came."""
        leases.hold(found.path, found.lease)
        if not found.manifest.synced:
            self._cache.sync_soon(found.path.parent.name)
        return Fetched.of(found.manifest, found.path, count)

    async def there(self, snapshot: Snapshot) -> Found | None:
        """Return the tree of *snapshot* if the cache has it; the caller has the lease.

        Raises:
            Unverified: It was verified less than is required now.

        """
        self._cache.prepare()
        found = await asyncio.to_thread(self._cache.find, self.key(snapshot))
        return self._required(found) if found else None

    async def found(self, snapshot: Snapshot) -> tuple[Found, int | None]:
        """Do as `fetch` does; return the bytes that came too, None if it was there.

        The caller has the lease.
        """
        found, count = await self._found(self.key(snapshot), snapshot)
        return self._required(found), count

    def _required(self, found: Found) -> Found:
        try:
            known = found.manifest
            require(known.uri, known.rung, self._store.policy)
        except Unverified as error:
            found.lease.release()
            raise Unverified(
                f"{error.message}, when it came into the cache",
                remedy=(
                    f"have it fetched and compared again: inferry storage cache rm "
                    f"{known.uri}; or require less"
                ),
            ) from error
        return found

    def key(self, snapshot: Snapshot) -> str:
        """Return what *snapshot* is called in the cache."""
        return snapshot_key(
            snapshot,
            self._store.policy,
            Patterns.of(self._store.policy),
            trusted=self._store.source.trusted,
        )

    def plan(self, snapshot: Snapshot) -> None:
        """Refuse what cannot end well, before anything is made or removed for it.

        Raises:
            StorageError: Unsafe names, too many files or bytes, too little known of
                them.

        """
        from inferry_storage.transfer.plan import plan

        self._reporter.enter("planning")
        plan(snapshot, self._store.policy)

    async def _found(self, key: str, snapshot: Snapshot) -> tuple[Found, int | None]:
        if found := await self.there(snapshot):
            return found, None
        self.plan(snapshot)
        before, self._before = self._before, key
        async with self._cache.writing(
            key, adopt=before, on_wait=lambda: self._reporter.enter("waiting")
        ) as folder:
            # Another process may have finished while this one waited for the lock.
            if found := await asyncio.to_thread(self._cache.find, key):
                shutil.rmtree(folder, ignore_errors=True)
                return found, None
            return await self._downloaded(snapshot, key, folder)

    async def _downloaded(
        self, snapshot: Snapshot, key: str, folder: Path
    ) -> tuple[Found, int]:
        from inferry_storage.transfer.target import disk_errors

        policy = self._store.policy
        await asyncio.to_thread(self._tidy, snapshot)
        donors = Donors(self._cache, snapshot, folder)
        try:
            built = await build(
                snapshot, self._store, folder, reporter=self._reporter, have=donors
            )
        finally:
            donors.release()
        self._reporter.enter("publishing")
        with disk_errors(folder):
            found = await self._cache.publish(key, built)
        if policy.cache_bytes:
            await asyncio.to_thread(cleaning.clean, self._cache, policy.cache_bytes)
        return found, built.bytes_fetched

    def _tidy(self, snapshot: Snapshot) -> None:
        """Make room for *snapshot*; whether there is enough is said by the transfer."""
        cleaning.sweep(self._cache)
        needed = sum(entry.size or 0 for entry in snapshot.entries)
        cleaning.make_room(self._cache, needed)


async def _bound(found: LocalPath) -> Fetched:
    return Fetched(path=found.path, uri=shown_uri(found.uri))
