"""`FileStorage`: a model that is on this machine already."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote

from inferry.storage import (
    AccessDenied,
    EmptyModel,
    InvalidUri,
    LocalPath,
    NotFound,
    shown_uri,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry.errors import StorageError
    from inferry.storage import Access, Entry, Source

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
        check(path)
        return LocalPath(uri=source.uri, path=path)

    def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Refuse: a local path has no entries.

        Raises:
            StorageError: Always.

        """
        del start, length
        raise unread(entry)

    async def close(self) -> None:
        """Do nothing; no connection was opened."""


def local_path(uri: str) -> Path:
    """Return the absolute path that *uri*, a path or ``file://``, names.

    A relative one starts at the working directory: ``models/iris``, ``file:models`` or
    ``file://./models``. What follows ``file:`` is a path to its end: a ``#`` or ``?``
    belongs to a name.

    Raises:
        InvalidUri: The URI names another machine, or no path.

    """
    path = uri
    if uri.lower().startswith("file:"):
        path = _of_uri(uri)
    if not path or "\0" in path:
        shown = shown_uri(uri)
        raise InvalidUri(f"{shown!r} names no path", remedy="write the path of a model")
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise InvalidUri(
            f"{path}: nobody of this name has a home folder", remedy="write the path"
        ) from None


def check(path: Path) -> None:
    """Say what keeps *path* from being served.

    Raises:
        StorageError: Nothing is there, or it is empty, or may not be read.

    """
    try:
        _check(path)
    except OSError as error:
        raise AccessDenied(
            f"{path} cannot be read: {error.strerror}", remedy="give this user access"
        ) from None


def unread(entry: Entry) -> StorageError:
    """Return the error for reading what is bound and not copied."""
    return InvalidUri(f"{entry.path} is local and is read where it is")


def _of_uri(uri: str) -> str:
    rest = uri[len("file:") :]
    if not rest.startswith("//"):
        return unquote(rest)
    machine, slash, path = rest[2:].partition("/")
    if machine in {".", "..", "~"}:
        return unquote(f"{machine}{slash}{path}")
    if machine not in {"", "localhost"}:
        meant = shown_uri(uri).removeprefix("file://")
        raise InvalidUri(
            f"{shown_uri(uri)} names another machine",
            remedy=f"write file:///{meant} for a path from the root, "
            f"or {meant} for one from here",
        )
    return unquote(f"{slash}{path}")


def _check(path: Path) -> None:
    if not path.exists():
        _refuse_missing(path)
    if not (path.is_file() or path.is_dir()):
        raise InvalidUri(
            f"{path} is neither a file nor a folder",
            remedy="name a file or a folder",
        )
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise AccessDenied(
            f"{path} may not be read by this user", remedy=f"chmod -R a+rX {path}"
        )
    if path.is_dir() and not any(path.iterdir()):
        raise EmptyModel(f"{path} is empty", remedy="put the model there")


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
    raise NotFound(f"{path} does not exist", remedy=remedy)
