"""Ask a store what a source holds: patiently, and again where it has changed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

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
from inferry_storage.fetching.selecting import Patterns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inferry_storage.fetching.opening import Store
    from inferry_storage.progress import Reporter
    from inferry_storage.transfer.patience import Patience

_T = TypeVar("_T")
_RESOLVES = 3
_ASKED = 4
#: A listing of 100,000 files takes minutes where a store is slow.
_LONGEST_RESOLVE = 600.0


async def settled(
    store: Store,
    reporter: Reporter,
    once: Callable[[Snapshot], Awaitable[_T]],
    bind: Callable[[LocalPath], Awaitable[_T]],
) -> _T:
    """Resolve and do *once*; again where the source was replaced meanwhile.

    What is on this machine already is given to *bind*.

    Raises:
        Unstable: It was replaced every time.

    """
    patterns = Patterns.of(store.policy)
    for _ in range(_RESOLVES):
        found = await _asked(store, reporter, store.resolve)
        if isinstance(found, LocalPath):
            await asyncio.to_thread(_check_local, found, store)
            return await bind(found)
        try:
            return await once(patterns.select(found))
        except Changed:
            continue
    raise Unstable(
        f"{shown_uri(store.source.uri)} was replaced {_RESOLVES} times while it was "
        "fetched",
        remedy="try again when nobody uploads to it",
    )


async def identified(store: Store, reporter: Reporter) -> Snapshot | None:
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
