"""From a snapshot to a complete folder that may be published."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import StorageError
from inferry.storage import Changed, Unverified, shown_uri
from inferry_storage.cache import durability
from inferry_storage.cache.keys import content_key
from inferry_storage.cache.manifest import File, Manifest, Tree
from inferry_storage.policy import RUNGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry.storage import Entry, Snapshot
    from inferry_storage.fetching.opening import Store
    from inferry_storage.policy import Policy, Rung
    from inferry_storage.progress import Reporter

_TREE = "tree"
_BOOT = "boot"
#: Holds the snapshot's id and the rung, once every file is there, and after them a
#: word where the store has taken back its checksums.
_FETCHED = "fetched"
_WITHDRAWN = "withdrawn"


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A complete folder ``tree`` in ``folder``, described by ``manifest``."""

    folder: Path
    tree: Path
    manifest: Manifest
    bytes_fetched: int


def require(shown: str, rung: str, policy: Policy) -> None:
    """Refuse what is verified less than the settings ask for.

    Raises:
        Unverified: It is.

    """
    if RUNGS.index(rung) < RUNGS.index(policy.require):
        raise Unverified(
            f"{shown} was verified by {rung}, [storage] require asks for "
            f"{policy.require}",
            remedy=f"use a store that promises a {policy.require}, or require less",
        )


async def build(
    snapshot: Snapshot,
    store: Store,
    folder: Path,
    *,
    reporter: Reporter,
    have: Callable[[Entry], Path | None],
) -> Built:
    """Fill *folder* with the files of *snapshot*, check them all, describe them.

    A run that was killed is taken up where it was; one of before a restart of the
    machine is not, since nothing says what of it had reached the disk.

    Raises:
        StorageError: Nothing may be published. What can be resumed is left in *folder*.

    """
    try:
        return await _built(snapshot, store, folder, reporter, have)
    except StorageError as error:
        # A source that was replaced has most files as they were.
        if not error.transient and not isinstance(error, Changed):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        raise


async def _built(
    snapshot: Snapshot,
    store: Store,
    folder: Path,
    reporter: Reporter,
    have: Callable[[Entry], Path | None],
) -> Built:
    from inferry_storage.transfer import transfer
    from inferry_storage.transfer.digests import without_checksums
    from inferry_storage.transfer.target import disk_errors

    tree, count = folder / _TREE, 0
    with disk_errors(folder):
        rung, withdrawn = await asyncio.to_thread(_begun, folder, snapshot)
    if not rung:
        reporter.expect(entry.size for entry in snapshot.entries)
        reporter.enter("fetching")
        done = await transfer(
            snapshot,
            store.client,
            tree,
            policy=store.policy,
            reporter=reporter,
            have=have,
        )
        rung, count, withdrawn = done.rung, done.bytes_fetched, done.withdrawn
    reporter.enter("verifying")
    with disk_errors(folder):
        said = f"{snapshot.id}\n{rung}\n{_WITHDRAWN if withdrawn else ''}"
        (folder / _FETCHED).write_text(said, "utf-8")
        if withdrawn:
            snapshot = without_checksums(snapshot)
        return await asyncio.to_thread(_checked, snapshot, store, tree, rung, count)


def _begun(folder: Path, snapshot: Snapshot) -> tuple[Rung | None, bool]:
    """Make *folder* ready to go on; return the rung if every file is there.

    And whether the store had taken back its checksums.
    """
    tree, fetched = folder / _TREE, folder / _FETCHED
    _forget_other_boots(folder)
    tree.mkdir(mode=0o755, exist_ok=True)
    try:
        whose, said, more = [*fetched.read_text("utf-8").split("\n"), "", ""][:3]
    except FileNotFoundError:
        whose, said, more = "", "", ""
    rung = next((each for each in RUNGS if each == said), None)
    if rung and whose == snapshot.id and _is_whole(tree, snapshot):
        return rung, more == _WITHDRAWN
    fetched.unlink(missing_ok=True)
    return None, False


def _forget_other_boots(folder: Path) -> None:
    boot, now = folder / _BOOT, durability.boot()
    if not now or not boot.exists() or boot.read_text("ascii") != now:
        shutil.rmtree(folder / _TREE, ignore_errors=True)
        boot.write_text(now, "ascii")


def _is_whole(tree: Path, snapshot: Snapshot) -> bool:
    """Say whether every file is still there: a run may have died while it published."""
    found = {each.path: each.size for each in Tree.of(tree).files}
    return all(
        found.get(entry.path, -1) == entry.size
        if entry.size is not None
        else entry.path in found
        for entry in snapshot.entries
    )


def _checked(
    snapshot: Snapshot, store: Store, tree: Path, rung: str, fetched: int
) -> Built:
    """Unpack, verify and scan *tree*; it blocks."""
    from inferry_storage.checking.tree import check_tree

    layers = [tree / e.path for e in snapshot.entries] if snapshot.layers else None
    checked = check_tree(
        tree,
        store.source.uri,
        store.policy,
        layers=layers,
        trusted=store.source.trusted,
    )
    if checked.signed:
        rung = "signature"
    require(shown_uri(snapshot.uri), rung, store.policy)
    return Built(
        folder=tree.parent,
        tree=checked.folder,
        manifest=_described(snapshot, checked.folder, tree, rung),
        bytes_fetched=fetched,
    )


def _described(snapshot: Snapshot, folder: Path, tree: Path, rung: str) -> Manifest:
    """Write down what is in *folder*, and make it read-only."""
    found = Tree.of(folder)
    # What was unpacked has no name in the store.
    entries = {e.path: e for e in snapshot.entries} if folder == tree else {}
    for each in found.files:
        (folder / each.path).chmod(0o444)
    for path in ("", *found.folders):
        (folder / path).chmod(0o755)
    return Manifest(
        uri=shown_uri(snapshot.uri),
        id=snapshot.id,
        rung=rung,
        bytes=found.bytes,
        created=time.time(),
        boot=durability.boot(),
        files=tuple(_named(snapshot, file, entries) for file in found.files),
        folders=found.folders,
        links=found.links,
    )


def _named(snapshot: Snapshot, file: File, entries: dict[str, Entry]) -> File:
    entry = entries.get(file.path)
    if entry is None:
        return file
    return msgspec.structs.replace(
        file,
        key=content_key(snapshot, entry),
        digest=entry.digest or "",
    )
