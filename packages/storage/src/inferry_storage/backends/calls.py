"""HTTP calls of the backends that speak to a service, and the bytes it gives.

Beside what `inferry_storage.network` has, these need bounded answers, JSON and slices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx
import msgspec

from inferry.storage import Corrupt, TooLarge, Truncated, shown_uri
from inferry_storage.network.exchange import Exchange
from inferry_storage.network.faults import failed
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Iterator

    from inferry.storage import Access
    from inferry_storage.network.streams import Stream

T = TypeVar("T")
_PARTIAL = 206
_MAX_ANSWER = 32 * 2**20


class Calls(Exchange):
    """Speaks to one service, whose answers are bounded."""

    def __init__(
        self, access: Access, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.policy = Policy.of(access.settings)
        super().__init__(self.policy, access.credentials.values, context=context)

    async def body(
        self, response: httpx.Response, *, shown: str, limit: int = _MAX_ANSWER
    ) -> bytes:
        """Return the body, of at most *limit* bytes.

        Raises:
            TooLarge: There is more.
            Unreachable: The connection broke.

        """
        check_plain(shown, response.headers)
        parts, size = [], 0
        try:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > limit:
                    raise TooLarge(
                        f"{shown_uri(shown)}: the server's answer is past "
                        f"{limit / 2**20:.0f} MiB",
                        remedy="name a smaller part of it",
                    )
                parts.append(chunk)
        except httpx.HTTPError as error:
            raise failed(shown, error) from error
        return b"".join(parts)

    async def decoded(
        self, response: httpx.Response, kind: type[T], *, shown: str
    ) -> T:
        """Return the body, which is JSON, as a *kind*.

        Raises:
            StorageError: It is too large, or not one.

        """
        data = await self.body(response, shown=shown)
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Corrupt(
                f"{shown_uri(shown)}: the server's answer is not what its service says",
                remedy="check the address of the service",
            ) from None


class Slice:
    """The bytes that were asked for, also where the server sends the whole."""

    def __init__(self, shown: str, start: int, length: int | None) -> None:
        self._shown = shown
        self._start = self._skip = start
        self._left = length

    @property
    def headers(self) -> dict[str, str]:
        """The header that asks for them."""
        if not self._start and self._left is None:
            return {}
        last = "" if self._left is None else str(self._start + self._left - 1)
        return {"Range": f"bytes={self._start}-{last}"}

    async def of(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """Yield them from *response*.

        Raises:
            StorageError: The body is compressed, short, of another range, or breaks.

        """
        self._begin(response.status_code, response.headers)
        try:
            async for chunk in response.aiter_raw():
                if part := self._cut(chunk):
                    yield part
                if self._left == 0:
                    return
        except httpx.HTTPError as error:
            raise failed(self._shown, error) from error
        self._end()

    def of_stream(self, stream: Stream) -> Iterator[bytes]:
        """Yield them from *stream*, as `of` does."""
        self._begin(stream.status_code, stream.headers)
        yield from self.of_chunks(stream.chunks())

    def of_chunks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield them from *chunks*, which are the whole or begin where they do."""
        for chunk in chunks:
            if part := self._cut(chunk):
                yield part
            if self._left == 0:
                return
        self._end()

    def _begin(self, status: int, headers: httpx.Headers) -> None:
        check_plain(self._shown, headers)
        if status != _PARTIAL:
            return
        self._skip = 0
        said: str = headers.get("content-range", "").replace(" ", "")
        if said and not said.startswith(f"bytes{self._start}-"):
            raise Truncated(f"{shown_uri(self._shown)}: the server sent another range")

    def _cut(self, chunk: bytes) -> bytes:
        part = chunk[self._skip :] if self._skip else chunk
        self._skip = max(0, self._skip - len(chunk))
        if self._left is not None:
            part = part[: self._left]
            self._left -= len(part)
        return part

    def _end(self) -> None:
        if self._left:
            raise Truncated(
                f"{shown_uri(self._shown)}: {self._left} bytes are missing at the end"
            )


def check_plain(shown: str, headers: httpx.Headers) -> None:
    """Refuse a body that is compressed: how much it is would not be known.

    Raises:
        Corrupt: It is.

    """
    if headers.get("content-encoding", "identity") != "identity":
        raise Corrupt(
            f"{shown_uri(shown)} is sent compressed, though it was not asked for",
            remedy="turn compression off for this file on its server",
        )
