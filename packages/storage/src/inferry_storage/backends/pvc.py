"""`PvcStorage`: a claimed volume, which is mounted where there is a cluster.

In a pod the controller mounts the claim, and nothing comes here. On a laptop the
setting ``volumes_dir`` names a folder with one for each claim.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from inferry.storage import (
    InvalidUri,
    LocalPath,
    NotAllowed,
    NotFound,
    UnsafePath,
    shown_uri,
)
from inferry_storage.backends.file import check, unread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry.storage import Access, Entry, Source

_CLAIM = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class PvcStorage:
    """Binds ``pvc://claim/path`` to a folder of this machine; nothing is copied."""

    def __init__(self, access: Access) -> None:
        self._volumes = str(access.settings.get("volumes_dir") or "")

    async def resolve(self, source: Source) -> LocalPath:
        """Return the path below ``volumes_dir`` that stands for the claim.

        Raises:
            StorageError: There is no such folder, or the path leaves it.

        """
        return LocalPath(uri=source.uri, path=self._place(source.uri))

    def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Refuse: a volume has no entries.

        Raises:
            StorageError: Always.

        """
        del start, length
        raise unread(entry)

    async def close(self) -> None:
        """Do nothing; no connection was opened."""

    def _place(self, uri: str) -> Path:
        claim, path = parse(uri)
        shown = shown_uri(uri)
        if not self._volumes:
            raise NotAllowed(
                f"{shown}: volumes are there on Kubernetes alone",
                remedy="name a path of this machine, or set [storage] volumes_dir to a "
                "folder that has a folder for each claim",
            )
        volume = Path(self._volumes).expanduser().absolute() / claim
        if not volume.is_dir():
            raise NotFound(
                f"{shown}: there is no folder {volume} for the claim {claim!r}",
                remedy=f"make it, or link it: ln -s MODELS {volume}",
            )
        place = volume / path
        check(place)
        if not place.resolve().is_relative_to(volume.resolve()):
            raise UnsafePath(
                f"{shown} leads out of its volume by a symbolic link",
                remedy="put the files themselves into the volume",
            )
        return place


def parse(uri: str) -> tuple[str, str]:
    """Return the claim and the path that ``pvc://claim/path`` names.

    Raises:
        InvalidUri: It names no claim.
        UnsafePath: Its path leaves the volume.

    """
    claim, _, path = uri.partition("://")[2].partition("/")
    parts = [part for part in unquote(path).split("/") if part]
    if not _CLAIM.fullmatch(claim):
        raise InvalidUri(
            f"{shown_uri(uri)} names no claim", remedy="write pvc://CLAIM/PATH"
        )
    if ".." in parts or any("\0" in part for part in parts):
        raise UnsafePath(
            f"{shown_uri(uri)} leads out of its volume", remedy="write it without .."
        )
    return claim, "/".join(parts)
