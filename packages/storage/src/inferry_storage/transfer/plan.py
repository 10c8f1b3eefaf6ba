"""What is known before the first byte: how much, how many parts, whether it can end.

Everything here is decided from the snapshot, the settings and one look at the disk.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import (
    DiskFull,
    EmptyModel,
    TooLarge,
    Truncated,
    Unverified,
    shown_uri,
)
from inferry_storage.checking import names
from inferry_storage.policy import RUNGS
from inferry_storage.transfer import digests

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from inferry.storage import Entry, Snapshot
    from inferry_storage.policy import Policy, Rung

_MIB = 2**20
#: Up to here a file is held in memory until it is whole, and written at once.
SMALL = 512 * 1024
_SMALLEST_PART, _LARGEST_PART = 8 * _MIB, 64 * _MIB
_FREE_SHARE = 0.95
#: No network card of today is faster, so no download is, in bytes per second.
_FASTEST = 50 * 2**30
#: The notes of the engine; `names` keeps files of models away from it.
JOURNAL = ".journal"

Range = tuple[int, int]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot will take; ``rung`` is the least that any entry is checked by.

    ``total_bytes`` leaves out the entries whose size is not ``known``.
    """

    files: int
    total_bytes: int
    known: bool
    rung: Rung


def plan(snapshot: Snapshot, policy: Policy) -> Plan:
    """Return what *snapshot* takes, if the settings allow it.

    Raises:
        StorageError: `EmptyModel`, `UnsafePath`, `TooLarge`, `Truncated` where nothing
            says when a file is whole, `Unverified` below ``[storage] require``.

    """
    uri = shown_uri(snapshot.uri)
    if not snapshot.entries:
        raise EmptyModel(f"{uri} holds no files", remedy="correct the storageUri")
    names.check((entry.path for entry in snapshot.entries), uri=snapshot.uri)
    sizes = [entry.size for entry in snapshot.entries]
    total = sum(size for size in sizes if size is not None)
    _check_limits(uri, len(sizes), total, policy)
    return Plan(
        files=len(sizes),
        total_bytes=total,
        known=None not in sizes,
        rung=_lowest(uri, snapshot.entries, policy),
    )


def check_room(uri: str, needed: int, files: int, folder: Path) -> None:
    """Refuse what the disk of *folder* cannot hold.

    Raises:
        DiskFull: With what is needed and what is free.

    """
    disk = os.statvfs(folder)
    free = int(disk.f_bavail * disk.f_frsize * _FREE_SHARE)
    remedy = "free disk space, or set [storage] cache_dir to a larger disk"
    if needed > free:
        raise DiskFull(
            f"{shown_uri(uri)} needs {needed} bytes more, {folder} has room for {free}",
            remedy=remedy,
        )
    # File systems that make inodes as they need them say that they have none.
    if disk.f_files and files > int(disk.f_favail * _FREE_SHARE):
        raise DiskFull(
            f"{shown_uri(uri)} has {files} files more, "
            f"{folder} has room for {disk.f_favail} (inodes)",
            remedy=remedy,
        )


def part_size(size: int, workers: int) -> int:
    """Return how many bytes one worker asks for at a time, whole MiB.

    64 MiB and 8 workers were the fastest of those measured; smaller files are cut so
    that each worker has one part.
    """
    share = -(-size // (max(1, workers) * _MIB)) * _MIB
    return min(max(share, _SMALLEST_PART), _LARGEST_PART)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return *ranges* in order, those that touch or overlap as one, empty ones gone."""
    found: list[Range] = []
    for start, end in sorted(each for each in ranges if each[0] < each[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def missing(size: int, done: Iterable[Range], step: int) -> list[Range]:
    """Return the parts of *size* bytes that are not *done*, *step* bytes each."""
    at, parts = 0, []
    for start, end in [*merged(done), (size, size)]:
        while at < min(start, size):
            parts.append((at, min(at + step, start, size)))
            at = parts[-1][1]
        at = max(at, end)
    return parts


def _check_limits(uri: str, files: int, total: int, policy: Policy) -> None:
    if files > policy.max_files:
        raise TooLarge(
            f"{uri} has {files} files, {policy.max_files} are allowed",
            remedy="raise [storage] max_files",
        )
    if total > policy.max_bytes:
        raise too_large(uri, policy, f"{total} bytes")
    if policy.deadline_seconds and total > policy.deadline_seconds * _FASTEST:
        raise TooLarge(
            f"{uri} has {total} bytes, which cannot arrive within "
            f"{policy.deadline_seconds:g} s",
            remedy="raise [storage] deadline_seconds",
        )


def too_large(uri: str, policy: Policy, has: str) -> TooLarge:
    """Return the error for more bytes than the settings allow."""
    return TooLarge(
        f"{uri} has {has}, {policy.max_bytes} are allowed",
        remedy="raise [storage] max_bytes",
    )


def _lowest(uri: str, entries: tuple[Entry, ...], policy: Policy) -> Rung:
    """Return the lowest rung of *entries*, which the settings must allow."""
    lowest = len(RUNGS)
    # A signature is checked when all files are there.
    floor = 0 if policy.require == "signature" else RUNGS.index(policy.require)
    for entry in entries:
        rung = digests.rung(entry)
        if rung is None:
            raise Truncated(
                f"{uri}: nothing says how long {entry.path} is or what it holds, so "
                "it may be cut off",
                remedy="use a server that sends Content-Length",
            )
        if RUNGS.index(rung) < floor:
            raise Unverified(
                f"{uri}: {entry.path} can be checked by {rung} only, "
                f"[storage] require asks for {policy.require}",
                remedy=f"use a store that promises a {policy.require}, or require less",
            )
        lowest = min(lowest, RUNGS.index(rung))
    return RUNGS[lowest]
