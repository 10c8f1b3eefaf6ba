"""`HdfsStorage`: files of a Hadoop cluster, over WebHDFS.

The namenode is asked, and sends us to the datanode that has the bytes; where the
operator named the namenode, its word is taken for where its datanodes are.
https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from inferry.storage import (
    EmptyModel,
    Entry,
    InvalidUri,
    NotAllowed,
    Snapshot,
    TooLarge,
    Unreachable,
    UnsafePath,
    shown_uri,
)
from inferry_storage.backends.calls import Calls, Slice
from inferry_storage.backends.hdfs.address import Address, parse
from inferry_storage.backends.hdfs.refusals import refusal
from inferry_storage.backends.hdfs.tls import context_of
from inferry_storage.network.addresses import is_own_name
from inferry_storage.network.endpoints import Endpoints, Origin
from inferry_storage.network.faults import changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from inferry.storage import Access, Source

T = TypeVar("T")
_WEB = {"http", "https"}
_MAX_DEPTH = 128
_MAX_REFUSAL = 2**20
_NO_NAMES = {"", ".", ".."}
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_TEXT = re.compile(r"[\x20-\x7e]*")
_Size = Annotated[int, msgspec.Meta(ge=0)]


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["FILE", "DIRECTORY", "SYMLINK"]
    length: _Size
    path_suffix: str = msgspec.field(name="pathSuffix", default="")
    changed: int = msgspec.field(name="modificationTime", default=0)
    file: int = msgspec.field(name="fileId", default=0)

    @property
    def validator(self) -> str:
        """What differs when the file does: HDFS has no ETag."""
        return f'"{self.file:x}-{self.changed:x}-{self.length:x}"'


class _One(msgspec.Struct, frozen=True):
    status: _Status = msgspec.field(name="FileStatus")


class _Statuses(msgspec.Struct, frozen=True):
    status: list[_Status] = msgspec.field(name="FileStatus")


class _Many(msgspec.Struct, frozen=True):
    statuses: _Statuses = msgspec.field(name="FileStatuses")


class HdfsStorage:
    """Reads files and folders by WebHDFS; the cluster must not ask for Kerberos."""

    def __init__(self, access: Access) -> None:
        self._values = access.credentials.values
        self._rung = access.credentials.rung
        if self._values.get("KERBEROS_PRINCIPAL"):
            raise NotAllowed(
                "KERBEROS_PRINCIPAL: Kerberos is not supported for HDFS",
                remedy="put a gateway such as Knox or HttpFS before the cluster and "
                "give its login in HEADERS, or copy the model to an object store",
            )
        self._private = _headers(self._values.get("HEADERS", ""))
        self._calls = Calls(access, context=context_of(self._values))
        self._named = self._calls.guard.endpoints
        self._proxied = self._values.get("USER_PROXY", "").strip()
        self._address = Address(namenodes=(), path="")
        self._active = 0

    async def resolve(self, source: Source) -> Snapshot:
        """Return the file, or all files below the folder, with their sizes.

        Raises:
            StorageError: Not found, not allowed, not reachable.

        """
        self._address = parse(source.uri, self._values)
        uri, path = source.uri, self._address.path
        top = await self._status(uri, path)
        if top.type == "FILE":
            entries = [_entry(path.rpartition("/")[2], path, top)]
        else:
            entries = await self._below(uri, path)
        if not entries:
            raise EmptyModel(f"{shown_uri(uri)} holds no file")
        lines = [self._address.namenodes[0], path]
        lines += [f"{each.path}\n{each.etag}" for each in entries]
        return Snapshot(
            uri=uri,
            id=hashlib.sha256("\n".join(lines).encode()).hexdigest()[:40],
            entries=tuple(entries),
            origin=self._address.namenodes[0],
        )

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*.

        Raises:
            StorageError: Also when the file was replaced while it was read.

        """
        left = (entry.size or 0) - start
        count = left if length is None else min(length, left)
        if count <= 0:
            return
        place, shown = entry.location, f"hdfs:/{entry.location}"
        wanted = Slice(shown, 0, count)
        try:
            async with self._answer(
                shown, place, "OPEN", offset=start, length=count
            ) as response:
                async for chunk in wanted.of(response):
                    yield chunk
        except Unreachable:
            self._turn()
            raise
        # No condition goes with OPEN: it is looked afterwards what was read.
        after = await self._status(shown, place)
        if after.validator != entry.etag:
            raise changed(shown)

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    async def _below(self, uri: str, top: str) -> list[Entry]:
        """Return all files below the folder *top*."""
        entries: list[Entry] = []
        folders, most = [top], self._calls.policy.max_files
        seen = 0
        while folders:
            folder = folders.pop()
            for each in await self._inside(uri, folder):
                path = f"{folder.rstrip('/')}/{each.path_suffix}"
                seen += 1
                if seen > most:
                    raise TooLarge(
                        f"{shown_uri(uri)} has more than {most} files and folders",
                        remedy="name a folder of it, or set [storage] max_files",
                    )
                if each.type == "DIRECTORY":
                    folders.append(path)
                elif each.type == "FILE":
                    entries.append(_entry(path.removeprefix(f"{top}/"), path, each))
                else:
                    raise UnsafePath(
                        f"{shown_uri(uri)}: {path!r} is a symbolic link",
                        remedy="put the file itself in its place",
                    )
        return sorted(entries, key=lambda each: each.path)

    async def _inside(self, uri: str, folder: str) -> list[_Status]:
        if folder.count("/") > _MAX_DEPTH:
            raise UnsafePath(f"{shown_uri(uri)}: {folder[:80]!r}… is too deep")
        found = (await self._ask(_Many, uri, folder, "LISTSTATUS")).statuses.status
        for each in found:
            if each.path_suffix in _NO_NAMES or "/" in each.path_suffix:
                raise UnsafePath(
                    f"{shown_uri(uri)}: {each.path_suffix[:80]!r} is not a name"
                )
        return found

    async def _status(self, uri: str, path: str) -> _Status:
        return (await self._ask(_One, uri, path, "GETFILESTATUS")).status

    async def _ask(self, kind: type[T], uri: str, path: str, operation: str) -> T:
        """Return what the first namenode says that is there and no standby."""
        for left in range(len(self._address.namenodes) - 1, -1, -1):
            try:
                async with self._answer(uri, path, operation) as response:
                    return await self._calls.decoded(response, kind, shown=uri)
            except Unreachable:
                self._turn()
                if not left:
                    raise
        raise InvalidUri(f"{shown_uri(uri)} was not resolved by this client")

    def _turn(self) -> None:
        """Ask the next namenode from now on."""
        self._active = (self._active + 1) % len(self._address.namenodes)

    @asynccontextmanager
    async def _answer(
        self, uri: str, path: str, operation: str, **query: int
    ) -> AsyncIterator[httpx.Response]:
        namenode = self._address.namenodes[self._active]
        who = {"doas": self._proxied, "user.name": self._address.user}
        words = {"op": operation, **query, **{k: v for k, v in who.items() if v}}
        async with self._calls.ask(
            "GET",
            f"{namenode}/webhdfs/v1{quote(path)}?{urlencode(words)}",
            shown=uri,
            private=self._private,
            admit=partial(self._admit, namenode),
        ) as response:
            if not response.is_success:
                body = await self._calls.body(response, shown=uri, limit=_MAX_REFUSAL)
                raise refusal(uri, response, body, self._rung)
            yield response

    def _admit(self, namenode: str, target: str) -> None:
        """Let the guard pass where a namenode that the operator named sends us."""
        if "://" not in target:
            return
        try:
            here, there = Origin.of(namenode), Origin.of(target)
        except InvalidUri:
            return
        # A datanode is no service of this machine or of its cloud's metadata.
        inward = _is_inward(there.host) and there.host != here.host
        if here in self._named and there.scheme in _WEB and not inward:
            guard = self._calls.guard
            guard.endpoints = Endpoints(guard.endpoints.origins | {there})


def _entry(path: str, place: str, status: _Status) -> Entry:
    return Entry(path=path, size=status.length, etag=status.validator, location=place)


def _headers(text: str) -> dict[str, str]:
    """Return KServe's HEADERS, a JSON object."""
    if not text.strip():
        return {}
    try:
        headers = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        headers = {"": ""}
    if not all(
        _HEADER.fullmatch(name) and _TEXT.fullmatch(headers[name]) for name in headers
    ):
        raise NotAllowed(
            "HEADERS of the cluster's secret is not a JSON object of headers",
            remedy='write {"X-Name": "value"}',
        )
    return headers


def _is_inward(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return is_own_name(host)
    return address.is_loopback or address.is_link_local or address.is_unspecified
