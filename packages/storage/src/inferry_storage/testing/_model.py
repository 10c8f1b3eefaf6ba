"""What a bad model is: files as a store gives them, and what must come of them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from typing import Literal

import msgspec

from inferry.errors import StorageError  # noqa: TC001 - as above

Kind = Literal["name", "bytes", "archive", "layers", "code", "signature"]


class BadFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a store; ``size`` and ``digest`` are what the store promises of it."""

    path: str
    data: bytes = b"x"
    size: int | None = None
    digest: str | None = None


class BadModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that must be refused with one of ``errors``, and leave nothing behind.

    ``settings`` are those of the section ``[storage]`` that it is fetched with, and
    ``layers`` says that its files are the layers of an image.
    """

    name: str
    kind: Kind
    files: tuple[BadFile, ...]
    errors: tuple[type[StorageError], ...]
    settings: Mapping[str, str] = {}
    layers: bool = False


def one(
    kind: Kind,
    name: str,
    path: str,
    data: bytes,
    *errors: type[StorageError],
    **settings: str,
) -> BadModel:
    """Return the bad model that is the one file *path*."""
    return BadModel(
        name=name,
        kind=kind,
        files=(BadFile(path=path, data=data),),
        errors=errors,
        settings=settings,
    )
