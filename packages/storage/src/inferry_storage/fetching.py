"""`fetch`: from a URI to a path on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.storage import Changed, LocalPath, Unstable, shown_uri
from inferry_storage.cache.folder import Cache
from inferry_storage.opening import opened
from inferry_storage.progress import Progress, Reporter
from inferry_storage.selecting import Patterns
from inferry_storage.transfer.download import download

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Secret, Snapshot, Source
    from inferry_storage.opening import Store

_RESOLVES = 3


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
    folder that holds its files, which must not be written to.

    Raises:
        StorageError: With the reason and what to do; it never holds a secret.

    """
    async with opened(
        source, plugins=plugins, settings=settings, secrets=secrets
    ) as store:
        for _ in range(_RESOLVES):
            try:
                return await _once(store, on_progress)
            except Changed:
                continue
        raise Unstable(
            f"{shown_uri(source.uri)} was replaced {_RESOLVES} times while it was "
            "fetched",
            remedy="try again when nobody uploads to it",
        )


async def _once(store: Store, on_progress: Callable[[Progress], None] | None) -> Path:
    found = await store.resolve()
    if isinstance(found, LocalPath):
        return found.path
    wanted = Patterns.of(store.policy).select(found)
    return await _cached(wanted, store, on_progress)


async def _cached(
    snapshot: Snapshot, store: Store, on_progress: Callable[[Progress], None] | None
) -> Path:
    policy = store.policy
    cache = Cache(policy.cache_dir)
    cache.prepare()
    if found := cache.find(snapshot):
        return found
    async with cache.writing(snapshot) as folder:
        # Another process may have finished while this one waited for the lock.
        if found := cache.find(snapshot):
            return found
        sizes = [entry.size for entry in snapshot.entries]
        reporter = Reporter(shown_uri(snapshot.uri), sizes, on_progress)
        reporter.report()
        await download(snapshot, store.client, folder, policy=policy, reporter=reporter)
        return cache.publish(folder)
