"""A storage backend of a third party."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.storage import (
    Access,
    Entry,
    LocalPath,
    NotFound,
    Snapshot,
    Source,
    Storage,
    shown_uri,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class AcmeStorage:
    """Keeps one file in memory."""

    def __init__(self, access: Access) -> None:
        self._files: dict[str, bytes] = {"acme://a": b"weights"}
        self._token = access.credentials.values.get("ACME_TOKEN", "")

    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        """Say what is there."""
        if source.uri not in self._files:
            raise NotFound(
                f"{shown_uri(source.uri)} is not there", remedy="correct the storageUri"
            )
        size = len(self._files[source.uri])
        entry = Entry(path="model.acme", size=size, location=source.uri)
        return Snapshot(uri=source.uri, id=str(size), entries=(entry,))

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes."""
        end = None if length is None else start + length
        yield self._files[entry.location][start:end]

    async def close(self) -> None:
        """Give nothing back."""


CLIENT: Callable[[Access], Storage] = AcmeStorage
