"""Compare a model on this machine, byte by byte, with what was promised of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import (
    Corrupt,
    Entry,
    LocalPath,
    NotFound,
    Source,
    shown_uri,
)
from inferry_storage.cache.folder import Cache
from inferry_storage.cache.manifest import Tree, has, is_file
from inferry_storage.fetching.caching import IntoCache
from inferry_storage.fetching.earlier import Pulls
from inferry_storage.fetching.opening import opened
from inferry_storage.fetching.selecting import Patterns
from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter
from inferry_storage.transfer.digests import is_checksum, without_checksums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry.storage import Snapshot
    from inferry_storage.cache.manifest import File, Manifest
    from inferry_storage.fetching.opening import Store

_SHOWN = 5


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is what it should be; ``rungs`` says of how many files by what."""

    path: str
    uri: str
    files: int
    rungs: Mapping[str, int]
    signed: bool = False


async def cached(uri: str, *, plugins: Plugins, settings: Settings) -> Compared:
    """Verify what the cache holds of *uri* as the store has it now.

    Raises:
        StorageError: `NotFound` where the cache holds nothing of it, `Corrupt` where it
            is not what it was; that is then in quarantine.

    """
    async with opened(Source(uri=uri), plugins=plugins, settings=settings) as store:
        found = await store.resolve()
        shown = shown_uri(uri)
        if isinstance(found, LocalPath):
            raise NotFound(f"{shown} is local and not in the cache")
        wanted = Patterns.of(store.policy).select(found)
        key = IntoCache(store, Reporter(uri)).key(wanted)
        cache = Cache(store.policy.cache_dir)
        tree = await asyncio.to_thread(cache.find, key)
        if tree is None:
            raise NotFound(
                f"the cache holds no {shown} as it is now",
                remedy=f"inferry storage pull {shown} DEST",
            )
        with tree.lease:
            try:
                return await asyncio.to_thread(
                    _checked, tree.path, tree.manifest, store.policy
                )
            except Corrupt:
                cache.quarantine(key)
                raise


def pulled(path: Path, settings: Settings) -> Compared:
    """Verify a folder as the last pull left it.

    Raises:
        StorageError: `NotFound` where no pull is known, `Corrupt` where it was changed.

    """
    policy = Policy.of(settings.section("storage"))
    last = Pulls(Cache(policy.cache_dir)).last(path)
    if last is None or not path.is_dir():
        raise NotFound(
            f"nothing is known of a pull to {path}",
            remedy="name what it should be: inferry storage verify DEST --against URI",
        )
    return _checked(path, last, policy)


async def stored(
    path: Path, uri: str, *, plugins: Plugins, settings: Settings
) -> Compared:
    """Verify a folder against what the store promises of *uri* now.

    Raises:
        StorageError: `Corrupt` where it is another model, or only a part of it.

    """
    async with opened(Source(uri=uri), plugins=plugins, settings=settings) as store:
        found = await store.resolve()
        if isinstance(found, LocalPath):
            raise NotFound(f"{shown_uri(uri)} is local: compare it with diff -r")
        wanted = Patterns.of(store.policy).select(found)
        try:
            return await asyncio.to_thread(
                _promised, path, shown_uri(uri), wanted, store.policy
            )
        except Corrupt:
            if not await _is_withdrawn(path, wanted, store):
                raise
        return await asyncio.to_thread(
            _promised, path, shown_uri(uri), without_checksums(wanted), store.policy
        )


def _promised(path: Path, uri: str, wanted: Snapshot, policy: Policy) -> Compared:
    promised = {each.path: (each.size, each.digest or "") for each in wanted.entries}
    return _compared(path, uri, promised, {}, policy)


async def _is_withdrawn(path: Path, wanted: Snapshot, store: Store) -> bool:
    """Ask the store if it keeps to a checksum that a file on this machine has not."""
    confirms = getattr(store.client, "confirms", None)
    if confirms is None:
        return False
    other = await asyncio.to_thread(_other_checksum, path, wanted)
    return other is not None and not await confirms(other)


def _other_checksum(path: Path, wanted: Snapshot) -> Entry | None:
    """Return the first entry of a checksum that its file has not."""
    for entry in wanted.entries:
        file = path / entry.path
        if not is_checksum(entry) or not file.is_file():
            continue
        if not has(file, file.stat().st_size, entry.digest or ""):
            return entry
    return None


def _checked(path: Path, known: Manifest, policy: Policy) -> Compared:
    promised = {each.path: (each.size, each.digest) for each in known.files}
    seen = {each.path: each for each in known.files}
    return _compared(path, known.uri, promised, seen, policy)


def _compared(
    path: Path,
    uri: str,
    promised: Mapping[str, tuple[int | None, str]],
    seen: Mapping[str, File],
    policy: Policy,
) -> Compared:
    there = {each.path: each for each in Tree.of(path).files}
    if missing := promised.keys() - there.keys():
        raise _unlike(path, uri, "is missing", missing)
    rungs = {"digest": 0, "checksum": 0, "unchanged": 0, "length": 0}
    wrong = []
    for name, (size, digest) in promised.items():
        rung = _rung(path / name, there[name], size, digest, seen.get(name))
        if rung:
            rungs[rung] += 1
        else:
            wrong.append(name)
    if wrong:
        raise _unlike(path, uri, "was changed", wrong)
    return Compared(
        path=str(path),
        uri=uri,
        files=len(promised),
        rungs=rungs,
        signed=_signed(path, uri, policy),
    )


def _rung(
    path: Path, now: File, size: int | None, digest: str, before: File | None
) -> str:
    """Say by what *path* is known to be right; empty if it is wrong."""
    if size is not None and now.size != size:
        return ""
    if digest:
        promised = Entry(path=path.name, digest=digest)
        rung = "checksum" if is_checksum(promised) else "digest"
        return rung if has(path, now.size, digest) else ""
    if before is None:
        return "length"
    return "unchanged" if is_file(path.lstat(), before) else ""


def _signed(path: Path, uri: str, policy: Policy) -> bool:
    from inferry_storage.checking import signatures

    wanted = msgspec.structs.replace(policy, require="signature")
    if not (policy.signature_key or policy.signature_identity):
        return False
    return signatures.verify(path, wanted, uri=uri)


def _unlike(path: Path, uri: str, what: str, names: Iterable[str]) -> Corrupt:
    some = sorted(names)
    more = f" and {len(some) - _SHOWN} more" if some[_SHOWN:] else ""
    return Corrupt(
        f"{path} is not {uri}: {', '.join(some[:_SHOWN])}{more} {what}",
        remedy="pull it again",
    )
