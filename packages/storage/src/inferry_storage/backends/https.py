"""`HttpsStorage`: one file on a web server."""

from __future__ import annotations

import hashlib
import secrets
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from inferry.errors import StorageError
from inferry.status import Reason
from inferry.storage import Access, Changed, Entry, Snapshot, Source, shown_uri
from inferry_storage.checking import names
from inferry_storage.network.transport import GuardedTransport
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_REDIRECTS = 5
# A server that does not know HEAD, or whose signed URL is for GET alone.
_NO_HEAD = {400, 403, 405, 501}
_CONNECT_SECONDS = 15.0
_REASONS = {
    401: Reason.StorageAccessDenied,
    403: Reason.StorageAccessDenied,
    404: Reason.StorageNotFound,
    408: Reason.StorageUnreachable,
    410: Reason.StorageNotFound,
    425: Reason.StorageUnreachable,
    429: Reason.StorageUnreachable,
}
_PRECONDITION_FAILED = 412
_PARTIAL = 206


class HttpsStorage:
    """Reads one file from an https URL; http only where settings allow it."""

    def __init__(self, access: Access) -> None:
        self._policy = Policy.of(access.settings)
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(self._policy),
            follow_redirects=False,
            timeout=httpx.Timeout(self._policy.stall_seconds, connect=_CONNECT_SECONDS),
            headers={"Accept-Encoding": "identity", "User-Agent": "inferry"},
            trust_env=False,
        )

    async def resolve(self, source: Source) -> Snapshot:
        """Return the file's name, size and validator, without its bytes.

        A server that gives neither ETag nor Last-Modified makes a new snapshot each
        time, because nothing says that the file is still the same.

        Raises:
            StorageError: Not found, not allowed, not reachable.

        """
        async with self._answer("HEAD", source.uri, {}) as response:
            found = response if response.is_success else None
        if found is None and response.status_code in _NO_HEAD:
            async with self._answer("GET", source.uri, {}) as response:
                found = response if response.is_success else None
        if found is None:
            raise _status_error(source.uri, response)
        _check_type(source.uri, found)
        etag = found.headers.get("etag")
        size = _length(found)
        validator = etag or found.headers.get("last-modified") or secrets.token_hex(16)
        entry = Entry(
            path=names.from_url(unquote(httpx.URL(source.uri).path)),
            size=size,
            etag=etag,
            location=source.uri,
        )
        text = "\n".join([source.uri, validator, str(size)])
        return Snapshot(
            uri=source.uri,
            id=hashlib.sha256(text.encode()).hexdigest()[:40],
            entries=(entry,),
        )

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*.

        Raises:
            StorageError: Also when the file is no longer the one that was resolved.

        """
        uri = entry.location
        headers = _range(start, length)
        if headers and entry.etag and not entry.etag.startswith("W/"):
            headers["If-Match"] = entry.etag
        async with self._answer("GET", uri, headers) as response:
            if response.status_code == _PRECONDITION_FAILED:
                raise _changed(uri)
            if not response.is_success:
                raise _status_error(uri, response)
            _check_same(entry, response)
            skip = start if response.status_code != _PARTIAL else 0
            async for chunk in _sliced(_raw(uri, response), skip, length):
                yield chunk

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _answer(
        self, method: str, uri: str, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Give the answer after redirects, its body not yet read."""
        response = await self._follow(method, uri, headers)
        try:
            yield response
        finally:
            await response.aclose()

    async def _follow(
        self, method: str, uri: str, headers: Mapping[str, str]
    ) -> httpx.Response:
        url = self._checked(uri, uri)
        for _ in range(_MAX_REDIRECTS + 1):
            request = self._client.build_request(method, url, headers=headers)
            try:
                response = await self._client.send(request, stream=True)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _network_error(uri, error) from error
            if response.status_code not in _REDIRECTS:
                return response
            await response.aclose()
            target = response.headers.get("location", "")
            # Credentials in a URL are for its host and are not passed on.
            url = self._checked(uri, str(url.join(target)))
            url = url.copy_with(userinfo=b"")
        raise StorageError(
            f"{shown_uri(uri)} redirects more than {_MAX_REDIRECTS} times",
            remedy="use the address that it ends at",
        )

    def _checked(self, uri: str, target: str) -> httpx.URL:
        """Return *target* as a URL if its scheme and host are usable."""
        try:
            url = httpx.URL(target)
        except httpx.InvalidURL:
            raise StorageError(f"{shown_uri(uri)} is not a URL") from None
        via = "" if target == uri else f" redirects to {shown_uri(target)}, which"
        if not url.host:
            raise StorageError(f"{shown_uri(uri)}{via} names no host")
        if url.scheme == "https" or (url.scheme == "http" and self._policy.allow_http):
            return url
        if url.scheme == "http":
            raise StorageError(
                f"{shown_uri(uri)}{via} is http: "
                "anybody on the way can change the model",
                reason=Reason.StorageNotAllowed,
                remedy="use https, or set [storage] allow_http = true",
            )
        raise StorageError(
            f"{shown_uri(uri)}{via} is not https", reason=Reason.StorageNotAllowed
        )


def _changed(uri: str) -> Changed:
    return Changed(
        f"{shown_uri(uri)} was replaced while it was read",
        reason=Reason.StorageUnreachable,
        remedy="apply again when it is at rest",
    )


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _range(start: int, length: int | None) -> dict[str, str]:
    if not start and length is None:
        return {}
    last = "" if length is None else str(start + length - 1)
    return {"Range": f"bytes={start}-{last}"}


def _check_type(uri: str, response: httpx.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html":
        raise StorageError(
            f"{shown_uri(uri)} is a web page, not a model",
            reason=Reason.StorageNotFound,
            remedy="use the address of the file itself",
        )


def _check_same(entry: Entry, response: httpx.Response) -> None:
    etag = response.headers.get("etag")
    if entry.etag and etag and etag != entry.etag:
        raise _changed(entry.location)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise StorageError(
            f"{shown_uri(entry.location)} is sent compressed, "
            "though it was not asked for",
            remedy="turn compression off for this file on its server",
        )
    ends = {"content-length", "transfer-encoding"} & response.headers.keys()
    if not ends and entry.size is None:
        raise StorageError(
            f"the server of {shown_uri(entry.location)} "
            "does not say where the file ends",
            reason=Reason.StorageCorrupt,
            remedy="use a server that sends Content-Length",
        )


async def _raw(uri: str, response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx.HTTPError as error:
        raise _network_error(uri, error) from error


async def _sliced(
    chunks: AsyncIterator[bytes], skip: int, length: int | None
) -> AsyncIterator[bytes]:
    """Drop *skip* bytes, then give *length* of them at most."""
    async for chunk in chunks:
        part = chunk[skip:]
        skip = max(0, skip - len(chunk))
        if length is not None:
            part = part[:length]
            length -= len(part)
        if part:
            yield part
        if length == 0:
            return


def _status_error(uri: str, response: httpx.Response) -> StorageError:
    status = response.status_code
    server_failed = status >= httpx.codes.INTERNAL_SERVER_ERROR
    reason = _REASONS.get(
        status, Reason.StorageUnreachable if server_failed else Reason.StorageFailed
    )
    return StorageError(
        f"{shown_uri(uri)}: the server answered {status} "
        f"{response.reason_phrase}".rstrip(),
        reason=reason,
        remedy={
            Reason.StorageNotFound: "correct the storageUri",
            Reason.StorageAccessDenied: "use an address that needs no login",
        }.get(reason, ""),
    )


def _network_error(uri: str, error: Exception) -> StorageError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return StorageError(
            f"{shown_uri(uri)}: its certificate is not trusted: {cause.verify_message}",
            reason=Reason.StorageUnreachable,
            remedy="set SSL_CERT_FILE to the certificate of its authority",
        )
    if isinstance(error, httpx.TimeoutException):
        said = "the server does not answer in time"
    else:
        said = " ".join(str(error).split()) or type(error).__name__
    return StorageError(f"{shown_uri(uri)}: {said}", reason=Reason.StorageUnreachable)
