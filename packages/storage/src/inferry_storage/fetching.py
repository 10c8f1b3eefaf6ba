"""`fetch`: from a URI to a path on this machine, by way of the cache."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from inferry.errors import StorageError
from inferry.storage import (
    Changed,
    LocalPath,
    Snapshot,
    Stalled,
    Unstable,
    Unverified,
    shown_uri,
)
from inferry_storage.building import build, require
from inferry_storage.cache import cleaning, leases
from inferry_storage.cache.donors import Donors
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.keys import snapshot_key
from inferry_storage.opening import opened
from inferry_storage.progress import Progress, Reporter
from inferry_storage.selecting import Patterns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Secret, Source
    from inferry_storage.cache.folder import Found
    from inferry_storage.cache.manifest import Manifest
    from inferry_storage.opening import Store
    from inferry_storage.transfer.patience import Patience

_T = TypeVar("_T")
_RESOLVES = 3
_ASKED = 4
#: A listing of 100,000 files takes minutes where a store is slow.
_LONGEST_RESOLVE = 600.0


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
        if snapshot := await _identified(store, reporter):
            found = await into.there(snapshot)
            if found is not None:
                return into.leased(found, None)
        return await settled(store, reporter, into.fetch)


async def settled(
    store: Store,
    reporter: Reporter,
    once: Callable[[Snapshot], Awaitable[Fetched]],
    bind: Callable[[LocalPath], Awaitable[Fetched]] | None = None,
) -> Fetched:
    """Resolve and do *once*; again where the source was replaced meanwhile.

    Raises:
        Unstable: It was replaced every time.

    """
    patterns = Patterns.of(store.policy)
    for _ in range(_RESOLVES):
        found = await _asked(store, reporter, store.resolve)
        if isinstance(found, LocalPath):
            await asyncio.to_thread(_check_local, found, store)
            return await bind(found) if bind else _bound(found)
        try:
            return await once(patterns.select(found))
        except Changed:
            continue
    raise Unstable(
        f"{shown_uri(store.source.uri)} was replaced {_RESOLVES} times while it was "
        "fetched",
        remedy="try again when nobody uploads to it",
    )


async def _identified(store: Store, reporter: Reporter) -> Snapshot | None:
    """Return the snapshot by its id alone, where a client knows that much sooner."""
    identify = getattr(store.client, "identify", None)
    if identify is None:
        return None
    source = store.source
    found = await _asked(store, reporter, lambda: identify(source))
    return Snapshot(uri=source.uri, id=found, entries=()) if found else None


async def _asked(
    store: Store, reporter: Reporter, ask: Callable[[], Awaitable[_T]]
) -> _T:
    """Ask what is there; again where the store does not answer.

    Fewer times than for bytes: a host with a typo is not worth half a minute.
    """
    reporter.enter("resolving")
    seconds = store.policy.deadline_seconds or _LONGEST_RESOLVE
    until = time.monotonic() + seconds
    patience: Patience | None = None
    try:
        async with asyncio.timeout(seconds):
            for _ in range(_ASKED - 1):
                try:
                    return await ask()
                except StorageError as error:
                    patience = patience or _patience(until)
                    pause = patience.wait(error, 0)
                    reporter.retried()
                    await asyncio.sleep(pause)
            return await ask()
    except TimeoutError:
        raise Stalled(
            f"{shown_uri(store.source.uri)} did not say within {seconds:g} s what it "
            "holds",
            remedy="raise [storage] deadline_seconds, or name a smaller folder",
        ) from None


def _patience(until: float) -> Patience:
    # Imported with the engine, which a cached model does without.
    from inferry_storage.transfer.patience import Patience

    return Patience(until)


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
        except Unverified:
            found.lease.release()
            raise
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
            found = self._cache.publish(key, built)
        if policy.cache_bytes:
            await asyncio.to_thread(cleaning.clean, self._cache, policy.cache_bytes)
        return found, built.bytes_fetched

    def _tidy(self, snapshot: Snapshot) -> None:
        """Make room for *snapshot*; whether there is enough is said by the transfer."""
        cleaning.sweep(self._cache)
        needed = sum(entry.size or 0 for entry in snapshot.entries)
        cleaning.make_room(self._cache, needed)


def _bound(found: LocalPath) -> Fetched:
    return Fetched(path=found.path, uri=shown_uri(found.uri))


def _check_local(found: LocalPath, store: Store) -> None:
    """Verify the signature of what is on this machine, if signatures are required.

    Raises:
        StorageError: It has none, or another.

    """
    policy = store.policy
    if policy.require != "signature":
        return
    from inferry_storage.checking import signatures

    shown = shown_uri(found.uri)
    if not found.path.is_dir() or not signatures.verify(found.path, policy, uri=shown):
        raise Unverified(
            f"{shown} has no signature, [storage] require asks for one",
            remedy="sign the model, or require less",
        )
