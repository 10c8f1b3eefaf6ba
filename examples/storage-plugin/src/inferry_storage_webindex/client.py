"""Reads folders that a web server lists as JSON, as nginx's autoindex does."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from inferry.storage import (
    EmptyModel,
    Entry,
    InvalidUri,
    Snapshot,
    TooLarge,
    Truncated,
    shown_uri,
)
from inferry_storage.network.client import open_client
from inferry_storage.network.faults import failed, refused
from inferry_storage.network.guard import Guard
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry.storage import Access, Source

_PIECE = 128 * 1024
_LONGEST_LISTING = 16 * 2**20
_DEEPEST = 32
_AT_A_TIME = 16


class IndexStorage:
    """Reads ``index+https://host/folder``: every file below the folder."""

    def __init__(self, access: Access) -> None:
        self._rung = access.credentials.rung
        self._policy = Policy.of(access.settings)
        token = access.credentials.values.get("WEBINDEX_TOKEN")
        self._login = {"Authorization": f"Bearer {token}"} if token else {}
        # Connects to public addresses over https, and to what the operator allows.
        guard = Guard.of(self._policy, access.credentials.values)
        self._client = open_client(guard)
        self._together = asyncio.Semaphore(_AT_A_TIME)

    async def resolve(self, source: Source) -> Snapshot:
        """List the folder and all below it, each file with its ETag."""
        root = source.uri.partition("+")[2].rstrip("/") + "/"
        files = [each async for each in self._files(root, "", 0)]
        if not files:
            raise EmptyModel(
                f"{shown_uri(source.uri)} holds no file", remedy="upload the model"
            )
        found = await asyncio.gather(*(self._entry(root, name) for name in files))
        entries = tuple(sorted(found, key=lambda entry: entry.path))
        state = json.dumps([(each.path, each.size, each.etag) for each in entries])
        return Snapshot(
            uri=source.uri,
            id=hashlib.sha256(state.encode()).hexdigest(),
            entries=entries,
        )

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield a part of a file, of the state that was listed."""
        end = (entry.size or 0) if length is None else start + length
        if end <= start:
            return
        headers = {"Range": f"bytes={start}-{end - 1}"} if entry.ranges else {}
        if entry.etag:
            headers["If-Match"] = entry.etag
        left = end - start
        async with self._asked("GET", entry.location, headers) as answer:
            async for piece in answer.aiter_raw(_PIECE):
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        if left:
            raise Truncated(f"{shown_uri(entry.location)} has another length than said")

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.aclose()

    async def _files(self, root: str, folder: str, depth: int) -> AsyncIterator[str]:
        """Yield the names of all files below *folder*, as the server gives them."""
        if depth > _DEEPEST:
            raise InvalidUri(
                f"{shown_uri(root)} has folders within folders without end",
                remedy="name the folder of one model",
            )
        for item in await self._listed(root + quote(folder)):
            name = f"{folder}{item['name']}"
            if item["type"] == "directory":
                async for each in self._files(root, f"{name}/", depth + 1):
                    yield each
            else:
                yield name

    async def _listed(self, uri: str) -> list[dict[str, Any]]:
        body = bytearray()
        async with self._asked("GET", uri, {}) as answer:
            async for piece in answer.aiter_raw(_PIECE):
                body += piece
                if len(body) > _LONGEST_LISTING:
                    raise TooLarge(
                        f"the listing of {shown_uri(uri)} is larger than 16 MiB",
                        remedy="name a smaller folder",
                    )
        try:
            listed: list[dict[str, Any]] = json.loads(body)
            return [{"name": str(i["name"]), "type": str(i["type"])} for i in listed]
        except (ValueError, TypeError, KeyError):
            raise InvalidUri(
                f"{shown_uri(uri)} is not listed as JSON",
                remedy="set autoindex_format json; on the server",
            ) from None

    async def _entry(self, root: str, name: str) -> Entry:
        uri = root + quote(name)
        async with self._together, self._asked("HEAD", uri, {}) as answer:
            length = answer.headers.get("Content-Length", "")
            return Entry(
                path=name,
                size=int(length) if length.isascii() and length.isdigit() else None,
                etag=answer.headers.get("ETag"),
                location=uri,
                ranges=answer.headers.get("Accept-Ranges") == "bytes",
            )

    @asynccontextmanager
    async def _asked(
        self, method: str, uri: str, headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Give an answer that is a success; what is none is a typed error."""
        sent = {**headers, **self._login}
        wanted = 206 if "Range" in headers else 200
        try:
            async with self._client.stream(method, uri, headers=sent) as answer:
                if answer.status_code != wanted:
                    raise refused(
                        uri, answer.status_code, answer.headers, rung=self._rung
                    )
                yield answer
        except httpx.HTTPError as error:
            raise failed(uri, error) from error
