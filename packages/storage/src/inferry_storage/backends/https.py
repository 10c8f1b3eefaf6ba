"""`HttpsStorage`: one file on a web server."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    Corrupt,
    Entry,
    InvalidUri,
    NotAllowed,
    NotFound,
    Snapshot,
    Source,
    Truncated,
    shown_uri,
)
from inferry_storage.backends.validators import Validators
from inferry_storage.checking import names
from inferry_storage.network.exchange import Exchange
from inferry_storage.network.faults import changed, refused
from inferry_storage.network.parts import Part, Window, content_length
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

# A server that does not know HEAD, or whose signed URL is for GET alone.
_NO_HEAD = {400, 403, 405, 501}
_PARTIAL = 206
_DIGEST = re.compile(r"(sha256=[0-9a-f]{64}|sha384=[0-9a-f]{96}|sha512=[0-9a-f]{128})")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PAGES = {"text/html", "application/xhtml+xml"}
_PACKED = (".gz", ".tgz")


class _Place(msgspec.Struct, frozen=True):
    """What an entry keeps to be read again: its address and what to compare."""

    uri: str
    validators: Validators
    ranges: bool


class HttpsStorage:
    """Reads one file from an https URL; http only where settings allow it."""

    def __init__(self, access: Access) -> None:
        self._policy = Policy.of(access.settings)
        self._rung = access.credentials.rung
        self._values = access.credentials.values
        self._exchange = Exchange(self._policy, self._values)

    async def resolve(self, source: Source) -> Snapshot:
        """Return the file's name, size and validator, without its bytes.

        A server that gives nothing to tell one state of the file from another makes a
        new snapshot each time, unless the fragment has a digest, as in
        ``#sha256=9f86d081…``.

        Raises:
            StorageError: Not found, not allowed, not reachable.

        """
        uri, digest = _parted(source.uri)
        headers, ranges = await self._described(uri)
        _check_file(uri, headers)
        size = content_length(headers)
        if size is None and digest is None:
            raise Truncated(
                f"{shown_uri(uri)}: the server does not say how long the file is",
                remedy="use a server that sends Content-Length, or end the storageUri "
                "with #sha256= and the digest of the file",
            )
        validators = Validators.of(headers)
        entry = Entry(
            path=names.from_url(unquote(httpx.URL(uri).path)),
            size=size,
            digest=digest,
            etag=validators.strong,
            ranges=ranges,
            location=_packed(_Place(uri, validators, ranges)),
        )
        state = digest or validators.any or secrets.token_hex(16)
        text = "\n".join([uri, state, str(size)])
        identity = hashlib.sha256(text.encode()).hexdigest()[:40]
        return Snapshot(uri=uri, id=identity, entries=(entry,))

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*.

        Raises:
            StorageError: Also when the file is no longer the one that was resolved.

        """
        place = _unpacked(entry)
        part = Part(uri=place.uri, start=start, length=length, size=entry.size)
        async with self._exchange.ask(
            "GET", place.uri, **self._asking(part, place)
        ) as answer:
            window = self._window(part, place, answer.status_code, answer.headers)
            async for chunk in answer.aiter_raw():
                if given := window.take(chunk):
                    yield given
                if window.complete:
                    return
            window.finish()

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        """Yield what `read` yields, for a thread.

        Raises:
            StorageError: Also when the file is no longer the one that was resolved.

        """
        place = _unpacked(entry)
        part = Part(uri=place.uri, start=start, length=length, size=entry.size)
        with self._exchange.stream(place.uri, **self._asking(part, place)) as answer:
            window = self._window(part, place, answer.status_code, answer.headers)
            for chunk in answer.chunks():
                if given := window.take(chunk):
                    yield given
                if window.complete:
                    return
            window.finish()

    async def close(self) -> None:
        """Close all connections."""
        await self._exchange.close()

    async def _described(self, uri: str) -> tuple[Mapping[str, str], bool]:
        """Return the headers of the file, and whether parts of it can be asked for."""
        private = self._private(uri)
        async with self._exchange.ask("HEAD", uri, private=private) as answer:
            head = answer
        if not head.is_success and head.status_code not in _NO_HEAD:
            raise refused(uri, head.status_code, head.headers, rung=self._rung)
        told = head.headers.get("accept-ranges", "").strip().lower()
        sized = content_length(head.headers) is not None
        if head.is_success and sized and told:
            return head.headers, told == "bytes"
        return await self._probed(uri, private)

    async def _probed(
        self, uri: str, private: Mapping[str, str]
    ) -> tuple[Mapping[str, str], bool]:
        """Ask for the first byte: a server with ranges then says how many there are."""
        headers = {"Range": "bytes=0-0"}
        async with self._exchange.ask(
            "GET", uri, headers=headers, private=private
        ) as answer:
            if answer.status_code == _PARTIAL:
                total = answer.headers.get("content-range", "").rpartition("/")[2]
                return {**answer.headers, "content-length": total}, True
            if answer.is_success:
                return answer.headers, False
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            # An empty file has no first byte.
            async with self._exchange.ask("GET", uri, private=private) as answer:
                if answer.is_success:
                    return answer.headers, False
        raise refused(uri, answer.status_code, answer.headers, rung=self._rung)

    def _asking(self, part: Part, place: _Place) -> dict[str, Any]:
        headers = part.headers() if place.ranges or part.start else {}
        if headers:
            headers |= place.validators.conditions()
        return {"headers": headers, "private": self._private(place.uri)}

    def _window(
        self, part: Part, place: _Place, status: int, headers: Mapping[str, str]
    ) -> Window:
        window = part.window(status, headers, self._rung)
        if place.validators.differ(headers):
            raise changed(place.uri)
        _check_file(place.uri, headers)
        return window

    def _private(self, uri: str) -> dict[str, str]:
        """Return the headers that the operator keeps for the host of *uri*."""
        host = (urlsplit(uri).hostname or "").lower()
        text = self._values.get(f"{host}-headers") or self._values.get("headers")
        if not text:
            return {}
        try:
            found = msgspec.json.decode(text, type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeError):
            found = {}
        if not found or not all(map(_is_header, found.items())):
            raise NotAllowed(
                f"the headers for {host} ({self._rung}) are not a JSON object of texts",
                remedy='write them as {"Authorization": "Bearer …"}',
            )
        return found


def _parted(uri: str) -> tuple[str, str | None]:
    """Return *uri* without its fragment, and the digest that the fragment has."""
    plain, _, fragment = uri.partition("#")
    try:
        urlsplit(plain)
    except ValueError:
        raise InvalidUri(
            f"{shown_uri(uri)} is not a URL", remedy="correct it"
        ) from None
    if not fragment:
        return plain, None
    if not _DIGEST.fullmatch(fragment.lower()):
        raise InvalidUri(
            f"{shown_uri(uri)}: what follows # is not a digest",
            remedy="write #sha256= and 64 hexadecimal digits, or leave it out",
        )
    return plain, fragment.lower().replace("=", ":", 1)


def _is_header(header: tuple[str, str]) -> bool:
    name, value = header
    return bool(_TOKEN.fullmatch(name)) and value.isascii() and value.isprintable()


def _check_file(uri: str, headers: Mapping[str, str]) -> None:
    """Refuse what is no file: pages, and what was packed only for the way."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    path = urlsplit(uri).path
    if kind in _PAGES or path.endswith("/"):
        raise NotFound(
            f"{shown_uri(uri)} is a web page, not a model",
            remedy="use the address of the file itself",
        )
    packed = headers.get("content-encoding", "identity").strip().lower()
    # Some servers call a file that is packed by itself encoded.
    if packed in {"gzip", "x-gzip"} and path.endswith(_PACKED):
        return
    if packed != "identity":
        raise Corrupt(
            f"{shown_uri(uri)} is sent compressed, though it was not asked for",
            remedy="turn compression off for this file on its server",
        )


def _packed(place: _Place) -> str:
    return msgspec.json.encode(place).decode()


def _unpacked(entry: Entry) -> _Place:
    try:
        return msgspec.json.decode(entry.location, type=_Place)
    except msgspec.MsgspecError:
        raise StorageError(f"{entry.path} is not of this storage backend") from None
