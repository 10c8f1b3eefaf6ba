"""A storage plugin for tests: ``shelf:///folder`` is that folder, read in pieces.

Beside the folder stand its orders: ``<folder>.log`` gets a line for each read,
``<folder>.pause`` holds the seconds to wait before each piece, ``<folder>.fail`` the
name of the error to raise at the next read. ``?promise=none`` gives no digests,
``?promise=length`` no ETags either.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import inferry.storage
from inferry.plugins import ImportRef, StorageBackend, hookimpl
from inferry.storage import Entry, NotFound, Snapshot

_PIECE = 64 * 1024


class Shelf:
    """Reads a folder as if it were far away."""

    def __init__(self, access):
        self.access = access

    async def resolve(self, source):
        parts = urlsplit(source.uri)
        root = Path(parts.path)
        if not root.is_dir():
            raise NotFound(f"{source.uri} is not there")
        promise = parse_qs(parts.query).get("promise", ["digest"])[0]
        entries = tuple(
            _entry(root, path, promise)
            for path in sorted(root.rglob("*"))
            if path.is_file()
        )
        seen = repr([(e.path, e.size, e.etag) for e in entries])
        state = hashlib.sha256(seen.encode()).hexdigest()
        return Snapshot(uri=source.uri, id=state, entries=entries)

    async def read(self, entry, start, length):
        path = Path(entry.location)
        root = path.parents[entry.path.count("/")]
        _ordered(root, "fail")
        with open(f"{root}.log", "a") as log:
            log.write(f"{entry.path} {start} {length}\n")
        if _etag(path) != entry.etag and entry.etag:
            raise inferry.storage.Changed(f"{entry.path} was replaced")
        data = path.read_bytes()
        end = len(data) if length is None else start + length
        for at in range(start, end, _PIECE):
            if pause := _ordered(root, "pause"):
                await asyncio.sleep(float(pause))
            yield data[at : min(at + _PIECE, end)]

    async def close(self):
        pass


def _entry(root, path, promise):
    data = path.read_bytes()
    return Entry(
        path=str(path.relative_to(root)),
        size=len(data),
        digest=f"sha256:{hashlib.sha256(data).hexdigest()}"
        if promise == "digest"
        else None,
        etag=None if promise == "length" else _etag(path),
        location=str(path),
    )


def _etag(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def _ordered(root, what):
    order = Path(f"{root}.{what}")
    if not order.exists():
        return ""
    said = order.read_text()
    if what == "fail":
        order.unlink()
        kind = getattr(inferry.storage, said, None)
        raise kind("the shelf was told to fail") if kind else RuntimeError(said)
    return said


@hookimpl
def inferry_storage_backends():
    yield StorageBackend(
        name="shelf", schemes=("shelf",), client=ImportRef("inferry_shelf:Shelf")
    )
