"""`fetch`: from a URI to a path on this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from inferry.errors import PluginError, StorageError
from inferry.plugins import backends_for, resolve
from inferry.status import Reason
from inferry.storage import Access, Changed, LocalPath, shown_uri, uri_scheme
from inferry_storage.cache.folder import Cache
from inferry_storage.policy import Policy
from inferry_storage.progress import Progress, Reporter
from inferry_storage.transfer.download import download

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins, Provided, StorageBackend
    from inferry.storage import Snapshot, Source, Storage

_RESOLVES = 3


async def fetch(
    source: Source,
    *,
    plugins: Plugins,
    settings: Settings,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Return where *source* is on this machine, downloading it if need be.

    A local path is returned as it is. Anything else is downloaded into the cache, once
    for all processes, and is visible only when it is complete; the path is then the
    folder that holds its files, which must not be written to.

    Raises:
        StorageError: With the reason and what to do; it never holds a secret.

    """
    provided = choose(source.uri, plugins)
    storage = _client(provided, settings)
    policy = Policy.of(settings.section("storage"))
    try:
        return await _fetched(source, storage, policy, on_progress)
    except (StorageError, asyncio.CancelledError):
        raise
    except Exception as error:
        # What a third party's backend raises may hold a secret: only its type is told.
        raise StorageError(
            f"{shown_uri(source.uri)}: storage backend {provided.descriptor.name!r} "
            f"({provided.distribution}) failed with {type(error).__name__}",
            remedy=f"upgrade {provided.distribution}",
        ) from error
    finally:
        await storage.close()


def choose(uri: str, plugins: Plugins) -> Provided[StorageBackend]:
    """Return the storage backend that reads *uri*.

    Raises:
        StorageError: None does.

    """
    backends = plugins.storage_backends()
    if matched := backends_for(uri, backends):
        # Planning refuses a tie; without a plan any of them does.
        return matched[0]
    kind = uri_scheme(uri)
    known = sorted({s for each in backends for s in each.descriptor.schemes})
    raise StorageError(
        f"no storage backend here reads {shown_uri(uri)}",
        reason=Reason.StorageNotSupported,
        remedy=f"install one for {kind}://; the schemes here are {', '.join(known)}",
    )


def _client(provided: Provided[StorageBackend], settings: Settings) -> Storage:
    try:
        factory = resolve(
            provided.descriptor.client,
            plugin=provided.plugin,
            distribution=provided.distribution,
        )
    except PluginError as error:
        raise StorageError(
            error.message, reason=Reason.StorageNotSupported, remedy=error.remedy
        ) from error
    given: dict[str, Any] = settings.section("storage")
    client: Storage = factory(
        Access(settings={**given, **settings.plugin(provided.plugin)})
    )
    return client


async def _fetched(
    source: Source,
    storage: Storage,
    policy: Policy,
    on_progress: Callable[[Progress], None] | None,
) -> Path:
    """Resolve and download; once more where the source was replaced meanwhile."""
    for _ in range(_RESOLVES - 1):
        try:
            return await _once(source, storage, policy, on_progress)
        except Changed:
            continue
    return await _once(source, storage, policy, on_progress)


async def _once(
    source: Source,
    storage: Storage,
    policy: Policy,
    on_progress: Callable[[Progress], None] | None,
) -> Path:
    found = await storage.resolve(source)
    if isinstance(found, LocalPath):
        return found.path
    return await _cached(found, storage, policy, on_progress)


async def _cached(
    snapshot: Snapshot,
    storage: Storage,
    policy: Policy,
    on_progress: Callable[[Progress], None] | None,
) -> Path:
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
        await download(snapshot, storage, folder, policy=policy, reporter=reporter)
        return cache.publish(folder)
