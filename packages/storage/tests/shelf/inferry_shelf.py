"""A storage plugin for tests: ``shelf:///folder`` is that folder, read in pieces.

Beside the folder stand its orders: ``<folder>.log`` gets a line for each read,
``<folder>.pause`` holds the seconds to wait before each piece, ``<folder>.fail`` the
name of the error to raise at the next read, ``<folder>.identify`` the id to give
before anything is listed. ``?promise=none`` gives no digests,
``?promise=length`` no ETags either, ``?promise=checksum`` MD5s, and ``?promise=taken``
checksums that are none and are taken back.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import inferry.storage
from inferry.plugins import ImportRef, StorageBackend, hookimpl
from inferry.storage import Access, Entry, NotFound, Snapshot, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

_PIECE = 64 * 1024


class Shelf:
    """Reads a folder as if it were far away."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._takes_back = False

    async def resolve(self, source: Source) -> Snapshot:
        self._takes_back = "promise=taken" in source.uri
        return _listed(source.uri)

    async def confirms(self, entry: Entry) -> bool:
        assert entry.digest
        return not self._takes_back

    async def identify(self, source: Source) -> str | None:
        return _order(Path(urlsplit(source.uri).path), "identify") or None

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        root, data = _opened(entry, start, length)
        end = len(data) if length is None else start + length
        for at in range(start, end, _PIECE):
            if pause := _order(root, "pause"):
                await asyncio.sleep(float(pause))
            yield data[at : min(at + _PIECE, end)]

    async def close(self) -> None:
        pass


@hookimpl
def inferry_storage_backends() -> Iterable[StorageBackend]:
    yield StorageBackend(
        name="shelf", schemes=("shelf",), client=ImportRef("inferry_shelf:Shelf")
    )


def _listed(uri: str) -> Snapshot:
    parts = urlsplit(uri)
    root = Path(parts.path)
    if not root.is_dir():
        raise NotFound(f"{root} is on no shelf")
    promise = parse_qs(parts.query).get("promise", ["digest"])[0]
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    entries = tuple(_entry(root, path, promise) for path in paths)
    state = repr([(str(path), path.read_bytes()) for path in paths])
    return Snapshot(
        uri=uri, id=hashlib.sha256(state.encode()).hexdigest(), entries=entries
    )


def _entry(root: Path, path: Path, promise: str) -> Entry:
    data = path.read_bytes()
    digests = {
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "checksum": f"md5:{hashlib.md5(data).hexdigest()}",
        "taken": f"md5:{'0' * 32}",
    }
    return Entry(
        path=str(path.relative_to(root)),
        size=len(data),
        digest=digests.get(promise),
        etag=None if promise == "length" else _etag(data),
        location=str(path),
    )


def _opened(entry: Entry, start: int, length: int | None) -> tuple[Path, bytes]:
    path = Path(entry.location)
    root = path.parents[entry.path.count("/")]
    if failure := _order(root, "fail"):
        Path(f"{root}.fail").unlink()
        kind = getattr(inferry.storage, failure, RuntimeError)
        raise kind("the shelf was told to fail")
    with Path(f"{root}.log").open("a") as log:
        log.write(f"{entry.path} {start} {length}\n")
    data = path.read_bytes()
    if entry.etag and _etag(data) != entry.etag:
        raise inferry.storage.Changed(f"{entry.path} was replaced")
    return root, data


def _etag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def _order(root: Path, what: str) -> str:
    order = Path(f"{root}.{what}")
    return order.read_text() if order.exists() else ""
