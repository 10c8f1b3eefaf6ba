"""A storage backend whose store holds the bad models and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import ImportRef, StorageBackend
from inferry.storage import Entry, NotFound, Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry.storage import Access, Source
    from inferry_storage.testing._model import BadModel

#: ``bad://store/<number>`` is the model that `hold` gave this number.
BACKEND = StorageBackend(
    name="bad",
    schemes=("bad",),
    client=ImportRef("inferry_storage.testing._store:BadStore"),
)
_PIECE = 64 * 1024
_HELD: dict[str, BadModel] = {}


def hold(model: BadModel) -> str:
    """Put *model* into the store and return its URI."""
    uri = f"bad://store/{len(_HELD)}"
    _HELD[uri] = model
    return uri


class BadStore:
    """Gives the files of a bad model as they are."""

    def __init__(self, access: Access) -> None:
        del access
        self._files: dict[str, bytes] = {}

    async def resolve(self, source: Source) -> Snapshot:
        """Say what the model holds, as its files promise."""
        model = _HELD.get(source.uri)
        if model is None:
            raise NotFound(f"{source.uri} is not held")
        self._files = {str(n): file.data for n, file in enumerate(model.files)}
        entries = tuple(
            Entry(
                path=file.path,
                size=len(file.data) if file.size is None else file.size,
                digest=file.digest,
                location=str(n),
            )
            for n, file in enumerate(model.files)
        )
        return Snapshot(
            uri=source.uri, id=source.uri, entries=entries, layers=model.layers
        )

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes that there are, however many were promised."""
        data = self._files[entry.location]
        end = len(data) if length is None else min(start + length, len(data))
        for at in range(start, end, _PIECE):
            yield data[at : min(at + _PIECE, end)]

    async def close(self) -> None:
        """Let go of nothing."""
