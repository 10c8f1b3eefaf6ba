"""What a storage backend implements.

A backend resolves a URI to an immutable snapshot and yields bytes of its entries.
It never touches the local file system: names, limits, verification and publishing are
the engine's (`inferry_storage`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = [
    "Entry",
    "LocalPath",
    "Snapshot",
    "Source",
    "Storage",
    "shown_uri",
    "uri_scheme",
]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fetch: *uri* goes below *mount_path* of the model's tree.

    ``parameters`` are KServe's ``storage.parameters``. They and the URI may hold
    secrets, so the repr shows neither the parameters nor the whole URI.
    """

    uri: str
    mount_path: str = "/mnt/models"
    parameters: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        shown = shown_uri(self.uri)
        return f"{type(self).__name__}(uri={shown!r}, mount_path={self.mount_path!r})"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a snapshot.

    ``path`` is relative, with ``/`` between its parts. ``size`` is in bytes, None when
    the server does not say. ``digest`` is ``algorithm:hex`` where the store promises
    one. ``etag`` is the validator that ranged reads must match.
    """

    path: str
    size: int | None = None
    digest: str | None = None
    etag: str | None = None
    location: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable state of a source; ``id`` changes whenever any byte may have."""

    uri: str
    id: str
    entries: tuple[Entry, ...]


class LocalPath(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is already on this machine; it is bound, never copied."""

    uri: str
    path: Path


@runtime_checkable
class Storage(Protocol):
    """One client of a storage backend, made per service with its settings."""

    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        """Say what *source* holds now, without reading its bytes.

        Raises:
            StorageError: Not found, not allowed, not reachable; each with a remedy.

        """

    def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*, *length* of them or to the end.

        Raises:
            StorageError: Also when the object is no longer the one that was resolved.

        """

    async def close(self) -> None:
        """Give back connections."""


def uri_scheme(uri: str) -> str:
    """Return the scheme of *uri* in lower case; a plain path is ``file``."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def shown_uri(uri: str) -> str:
    """Return *uri* without what may be secret: user, password, query, fragment."""
    from urllib.parse import urlsplit, urlunsplit

    if not _SCHEME.match(uri):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return f"{uri_scheme(uri)}://…"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
