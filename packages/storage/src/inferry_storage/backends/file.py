"""`FileStorage`: a model that is on this machine already."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote, urlsplit

from inferry.errors import StorageError
from inferry.status import Reason
from inferry.storage import Access, LocalPath, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry.storage import Entry

_SHOWN = 5


class FileStorage:
    """Binds local paths and ``file://`` URIs; nothing is copied."""

    def __init__(self, access: Access) -> None:
        del access

    async def resolve(self, source: Source) -> LocalPath:
        """Return the path, absolute; a relative one starts at the working directory.

        Raises:
            StorageError: Nothing is there, or it may not be read.

        """
        path = local_path(source.uri)
        try:
            _check(path)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be read: {error.strerror}",
                reason=Reason.StorageAccessDenied,
            ) from None
        return LocalPath(uri=source.uri, path=path)

    def read(
        self,
        entry: Entry,
        start: int,
        length: int | None,
    ) -> AsyncIterator[bytes]:
        """Refuse: a local path has no entries.

        Raises:
            StorageError: Always.

        """
        del start, length
        raise StorageError(f"{entry.path} is local and is read where it is")

    async def close(self) -> None:
        """Do nothing; no connection was opened."""


def local_path(uri: str) -> Path:
    """Return the absolute path that *uri*, a path or ``file://``, names.

    Raises:
        StorageError: The URI names another machine, or no path.

    """
    path = uri
    if uri.lower().startswith("file:"):
        parts = urlsplit(uri)
        if parts.netloc not in {"", "localhost"}:
            raise StorageError(
                f"{uri} names the machine {parts.netloc!r}",
                reason=Reason.StorageNotFound,
                remedy=f"write file:///{parts.netloc}{parts.path} for a local path",
            )
        path = unquote(parts.path)
    if not path or "\0" in path:
        raise StorageError(f"{uri!r} names no path", reason=Reason.StorageNotFound)
    return Path(path).expanduser().absolute()


def _check(path: Path) -> None:
    if not path.exists():
        _refuse_missing(path)
    if not (path.is_file() or path.is_dir()):
        raise StorageError(
            f"{path} is neither a file nor a folder", reason=Reason.StorageNotFound
        )
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise StorageError(
            f"{path} may not be read by this user", reason=Reason.StorageAccessDenied
        )
    if path.is_dir() and not any(path.iterdir()):
        raise StorageError(f"{path} is empty", reason=Reason.StorageNotFound)


def _refuse_missing(path: Path) -> NoReturn:
    """Say what is missing, below which folder, and what is there instead."""
    parent = next((p for p in path.parents if p.is_dir()), Path("/"))
    missing = path.relative_to(parent).parts[0]
    there = sorted(entry.name for entry in parent.iterdir())
    near = get_close_matches(missing, there, n=1)
    if near:
        remedy = f"did you mean {parent / near[0]}?"
    else:
        some = ", ".join(there[:_SHOWN]) + (" …" if len(there) > _SHOWN else "")
        remedy = f"{parent} holds {some or 'nothing'}"
    raise StorageError(
        f"{path} does not exist", reason=Reason.StorageNotFound, remedy=remedy
    )
