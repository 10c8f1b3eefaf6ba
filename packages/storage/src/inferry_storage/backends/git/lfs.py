"""Large files: pointers in the commit, bytes from where the batch API sends us.

https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md and docs/api/batch.md there.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import AccessDenied, Corrupt, NotFound, shown_uri
from inferry_storage.network.faults import refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_storage.backends.calls import Calls

#: The specification has pointers end before this.
POINTER_BYTES = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"(?:ext-\d-[^\n]*\n)*"
    rb"oid sha256:([0-9a-f]{64})\n"
    rb"size (\d{1,15})\n"
)
_TYPE = "application/vnd.git-lfs+json"
_AT_A_TIME = 100
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_OURS = {"host", "range", "content-length", "transfer-encoding", "connection"}
_GONE = {404, 410}
#: How long an address is used that says nothing of its end.
_SECONDS = 600.0


class Pointer(msgspec.Struct, frozen=True):
    """What stands in the commit for a large file."""

    oid: str
    size: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes are, with which headers, and until when."""

    href: str
    header: Mapping[str, str]
    until: float


class _Download(msgspec.Struct, frozen=True):
    href: str
    header: dict[str, str] = {}
    expires_in: float | None = None


class _Actions(msgspec.Struct, frozen=True):
    download: _Download | None = None


class _Failure(msgspec.Struct, frozen=True):
    code: int = 0


class _Object(msgspec.Struct, frozen=True):
    oid: str
    actions: _Actions | None = None
    error: _Failure | None = None


class _Batch(msgspec.Struct, frozen=True):
    objects: list[_Object] = []


def pointer(data: bytes) -> Pointer | None:
    """Return the pointer that *data* is, None if it is a file of its own."""
    found = _POINTER.fullmatch(data)
    return Pointer(found[1].decode("ascii"), int(found[2])) if found else None


class LargeFiles:
    """Asks where large files are, a hundred at a time, and remembers it."""

    def __init__(
        self,
        calls: Calls,
        *,
        uri: str,
        url: str,
        private: Mapping[str, str],
        rung: str,
    ) -> None:
        self._calls = calls
        self._uri = uri
        self._url = url if url.endswith(".git") else f"{url}.git"
        self._private = private
        self._rung = rung
        self._pointers: dict[str, Pointer] = {}
        self._places: dict[str, Place] = {}
        self._asking = asyncio.Lock()

    def add(self, one: Pointer) -> None:
        """Note a file whose place will be asked for."""
        self._pointers[one.oid] = one

    def forget(self, oid: str) -> None:
        """Ask again for the place of *oid* next time."""
        self._places.pop(oid, None)

    async def place(self, oid: str) -> Place:
        """Return where *oid* is.

        Raises:
            StorageError: The server has no large files, or not this one, or not for us.

        """
        async with self._asking:
            if oid not in self._places or self._places[oid].until < time.monotonic():
                await self._ask(self._next(oid))
            if oid not in self._places:
                raise NotFound(f"{shown_uri(self._uri)}: the server lacks {oid[:12]}…")
            return self._places[oid]

    def _next(self, oid: str) -> list[Pointer]:
        """Return the pointer of *oid*, and such that will be asked for soon."""
        rest = [
            each
            for each in self._pointers.values()
            if each.oid not in self._places and each.oid != oid
        ]
        return [self._pointers[oid], *rest][:_AT_A_TIME]

    async def _ask(self, pointers: Sequence[Pointer]) -> None:
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": [{"oid": each.oid, "size": each.size} for each in pointers],
        }
        async with self._calls.ask(
            "POST",
            f"{self._url}/info/lfs/objects/batch",
            shown=self._uri,
            headers={"Accept": _TYPE, "Content-Type": _TYPE},
            private=self._private,
            content=msgspec.json.encode(body),
        ) as response:
            if not response.is_success:
                raise refused(
                    self._uri,
                    response.status_code,
                    response.headers,
                    rung=self._rung,
                    remedy="set GIT_USERNAME and GIT_PASSWORD "
                    "(a token that may read its large files)",
                )
            found = await self._calls.decoded(response, _Batch, shown=self._uri)
        asked = {each.oid for each in pointers}
        for one in found.objects:
            if one.oid in asked:
                self._keep(one, first=one.oid == pointers[0].oid)

    def _keep(self, one: _Object, *, first: bool) -> None:
        if one.error is not None or one.actions is None or one.actions.download is None:
            # The others are said to be missing when they are asked for themselves.
            if first:
                raise self._missing(one)
            return
        download = one.actions.download
        if not all(map(_sendable, download.header.items())):
            raise Corrupt(
                f"{shown_uri(self._uri)}: the server of large files asks for headers "
                "that cannot be sent"
            )
        seconds = download.expires_in or _SECONDS
        self._places[one.oid] = Place(
            href=download.href,
            header=download.header,
            until=time.monotonic() + min(seconds, _SECONDS) * 0.8,
        )

    def _missing(self, one: _Object) -> NotFound | AccessDenied:
        shown = shown_uri(self._uri)
        code = one.error.code if one.error else 404
        if code in _GONE:
            return NotFound(
                f"{shown}: the server of large files lacks {one.oid[:12]}…",
                remedy="git lfs push --all",
            )
        return AccessDenied(
            f"{shown}: the server of large files refuses {one.oid[:12]}… ({code})",
            remedy="check its quota and the access of the token",
        )


def _sendable(header: tuple[str, str]) -> bool:
    name, value = header
    return (
        _HEADER.fullmatch(name) is not None
        and name.lower() not in _OURS
        and value.isascii()
        and value.isprintable()
    )
