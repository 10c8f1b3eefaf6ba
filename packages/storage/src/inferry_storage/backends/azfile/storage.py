"""`AzureFileStorage`: a file share of Azure Files, over its REST interface.

https://learn.microsoft.com/rest/api/storageservices/file-service-rest-api
"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import httpx

from inferry.storage import (
    EmptyModel,
    Entry,
    InvalidUri,
    NotFound,
    Snapshot,
    TooLarge,
    UnsafePath,
    shown_uri,
)
from inferry_storage.backends.azfile.address import Address, parse
from inferry_storage.backends.azfile.listing import Item, Page, read_page
from inferry_storage.backends.azfile.signing import Signer
from inferry_storage.backends.calls import Calls, Slice
from inferry_storage.network.faults import changed, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from inferry.errors import StorageError
    from inferry.storage import Access, Source

_MAX_DEPTH = 250
_PAGE = 1000
#: What is parsed takes many times as much memory as its text.
_MAX_PAGE_BYTES = 4 * 2**20
_NO_NAMES = {"", ".", ".."}
_REMEDY = "set AZURE_STORAGE_ACCESS_KEY to a key or a signature that may read the share"


class AzureFileStorage:
    """Reads a file or a folder of a share."""

    def __init__(self, access: Access) -> None:
        self._values = access.credentials.values
        self._rung = access.credentials.rung
        self._signer = Signer(self._values, self._rung)
        self._calls = Calls(access)
        self._account = ""

    async def resolve(self, source: Source) -> Snapshot:
        """Return the file, or all files below the folder, with sizes and ETags.

        Raises:
            StorageError: Not found, not allowed, not reachable.

        """
        uri = source.uri
        address = parse(uri, self._values)
        self._account = address.account
        entries = await self._file(uri, address) if address.path else []
        if not entries:
            entries = await self._below(uri, address)
        if not entries:
            raise EmptyModel(f"{shown_uri(uri)} holds no file")
        lines = [address.url, address.share, address.path]
        lines += [f"{each.path}\n{each.etag}\n{each.size}" for each in entries]
        return Snapshot(
            uri=uri,
            id=hashlib.sha256("\n".join(lines).encode()).hexdigest()[:40],
            entries=tuple(entries),
            origin=address.url,
        )

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*.

        Raises:
            StorageError: Also when the file was replaced.

        """
        if length == 0 or entry.size == 0:
            return
        wanted = Slice(entry.location, start, length)
        headers = {**wanted.headers, **_condition(entry)}
        async with self._answer(
            "GET", entry.location, entry.location, headers
        ) as response:
            if not response.is_success:
                raise self._refusal(
                    entry.location, response.status_code, response.headers
                )
            _check_same(entry, response.headers)
            async for chunk in wanted.of(response):
                yield chunk

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        """Yield the same to a thread."""
        if length == 0 or entry.size == 0:
            return
        wanted = Slice(entry.location, start, length)
        headers = {**wanted.headers, **_condition(entry)}
        url, sent = self._signed("GET", entry.location, headers)
        with self._calls.stream(url, shown=entry.location, private=sent) as stream:
            if not httpx.codes.is_success(stream.status_code):
                raise self._refusal(entry.location, stream.status_code, stream.headers)
            _check_same(entry, stream.headers)
            yield from wanted.of_stream(stream)

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    async def _file(self, uri: str, address: Address) -> list[Entry]:
        """Return the file that the path is, nothing if it is a folder."""
        url = _place(address, address.path)
        async with self._answer("HEAD", url, uri, {}) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                return []
            if not response.is_success:
                raise self._refusal(uri, response.status_code, response.headers)
            if "x-ms-type" not in response.headers:
                # Web servers have a page for any path: it is not to be a model.
                raise InvalidUri(
                    f"{shown_uri(uri)}: {address.url} does not answer as Azure "
                    "Files does",
                    remedy="correct AZURE_FILE_SERVICE_URL",
                )
            size = response.headers.get("content-length", "")
            item = Item(
                name=address.path.rpartition("/")[2],
                size=int(size) if size.isascii() and size.isdigit() else None,
                etag=response.headers.get("etag"),
            )
        return [_entry(item, item.name, url)]

    async def _below(self, uri: str, address: Address) -> list[Entry]:
        entries: list[Entry] = []
        folders, seen, most = [address.path], 0, self._calls.policy.max_files
        while folders:
            folder = folders.pop()
            async for item in self._inside(uri, address, folder):
                seen += 1
                if seen > most:
                    raise TooLarge(
                        f"{shown_uri(uri)} has more than {most} files and folders",
                        remedy="name a folder of it, or set [storage] max_files",
                    )
                path = f"{folder}/{item.name}" if folder else item.name
                if item.folder:
                    folders.append(path)
                    continue
                below = path.removeprefix(f"{address.path}/") if address.path else path
                entries.append(_entry(item, below, _place(address, path)))
        return sorted(entries, key=lambda each: each.path)

    async def _inside(
        self, uri: str, address: Address, folder: str
    ) -> AsyncIterator[Item]:
        if folder.count("/") > _MAX_DEPTH:
            raise UnsafePath(f"{shown_uri(uri)}: {folder[:80]!r}… is too deep")
        marker, first = "", True
        while marker or first:
            page = await self._page(uri, address, folder, marker)
            for item in page.items:
                if item.name in _NO_NAMES or "/" in item.name:
                    raise UnsafePath(f"{shown_uri(uri)}: {item.name[:80]!r} is no name")
                yield item
            first, marker = False, page.marker

    async def _page(self, uri: str, address: Address, folder: str, marker: str) -> Page:
        query = {"restype": "directory", "comp": "list", "include": "Timestamps,ETag"}
        query["maxresults"] = str(_PAGE)
        if marker:
            query["marker"] = marker
        url = f"{_place(address, folder)}?{urlencode(query)}"
        async with self._answer("GET", url, uri, {}) as response:
            if not response.is_success:
                raise self._refusal(uri, response.status_code, response.headers)
            page = await self._calls.body(response, shown=uri, limit=_MAX_PAGE_BYTES)
            return read_page(uri, page)

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, shown: str, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        url, sent = self._signed(method, url, headers)
        async with self._calls.ask(method, url, shown=shown, private=sent) as response:
            yield response

    def _signed(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        return self._signer.signed(method, url, self._account, headers)

    def _refusal(self, uri: str, status: int, headers: httpx.Headers) -> StorageError:
        code = headers.get("x-ms-error-code", "")
        if code in {"ShareNotFound", "ResourceNotFound", "ParentNotFound"}:
            what = "no such share" if code == "ShareNotFound" else "nothing there"
            return NotFound(
                f"{shown_uri(uri)}: there is {what}", remedy="correct the storageUri"
            )
        return refused(uri, status, headers, rung=self._rung, remedy=_REMEDY)


def _place(address: Address, path: str) -> str:
    inside = f"/{quote(path)}" if path else ""
    return f"{address.url}/{address.share}{inside}"


def _condition(entry: Entry) -> dict[str, str]:
    return {"If-Match": entry.etag} if entry.etag else {}


def _check_same(entry: Entry, headers: httpx.Headers) -> None:
    """Look whose bytes are sent: not every service heeds the condition.

    Raises:
        Changed: They are of another version of the file.

    """
    etag = headers.get("etag", "")
    if etag and entry.etag and etag.strip('"') != entry.etag.strip('"'):
        raise changed(entry.location)


def _entry(item: Item, path: str, url: str) -> Entry:
    return Entry(path=path, size=item.size, etag=item.etag, location=url)
