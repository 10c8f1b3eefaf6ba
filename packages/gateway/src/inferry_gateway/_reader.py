"""Reads requests from the bytes of one connection, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import httptools

from inferry_gateway._answers import Refusal
from inferry_gateway._head import RequestHead, read_request, without_upgrade

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_gateway._settings import GatewaySettings

# Chunk sizes and extensions may take this much beside the data they frame.
_CHUNK_OVERHEAD = 64 * 1024
_CHUNK_RATIO = 16


class Incoming(Protocol):
    """A request whose head was read."""

    head: RequestHead

    @property
    def received(self) -> int:
        """How many bytes of the body came."""

    def body(self, data: bytes) -> None:
        """Take a piece of the body."""

    def end(self) -> None:
        """Take note that the request is whole."""


class RequestReader:
    """Parses what a client sends; calls ``on_head`` for each request.

    ``incoming`` is the request whose body is being read, ``in_head`` whether a head is.
    """

    __slots__ = (
        "_began",
        "_headers",
        "_last",
        "_limits",
        "_on_head",
        "_parser",
        "_size",
        "_unseen",
        "_url",
        "in_head",
        "incoming",
    )

    def __init__(
        self, limits: GatewaySettings, on_head: Callable[[RequestHead], Incoming]
    ) -> None:
        self._limits = limits
        self._on_head = on_head
        self._parser: Any = httptools.HttpRequestParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._url = b""
        self._size = self._unseen = 0
        self._began = False
        self._last: RequestHead | None = None
        self.in_head = False
        self.incoming: Incoming | None = None

    def close(self) -> None:
        """Let go of the parser, which refers back to this object."""
        self._parser = None

    def feed(self, data: bytes) -> None:
        """Parse ``data``.

        Raises:
            Refusal: what came is no request, or too large; nothing more can be read.
        """
        incoming = self.incoming
        before = incoming.received if incoming else 0
        self._began = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._refuse(error)
            return
        if self._began:
            return
        # What no callback sees has limits too: half a field, chunk sizes, extensions.
        if self.in_head:
            self._unseen += len(data)
            if self._unseen > 2 * self._limits.max_header_bytes:
                raise self._head_too_large()
        elif incoming is not None and incoming.head.chunked:
            self._unseen += len(data) - (incoming.received - before)
            if self._unseen > _CHUNK_OVERHEAD + _CHUNK_RATIO * incoming.received:
                raise Refusal(400, "the chunked body holds too little data")

    def _refuse(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__
        if isinstance(cause, Refusal):
            raise cause from None
        last = self._last
        if last is not None and not last.keep_alive and self.incoming is None:
            return  # what follows "Connection: close" is nobody's
        raise Refusal(400, f"the request is not valid HTTP/1.1: {error}") from None

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 with a request that offered h2c (RFC 9110, 7.8)."""
        method = self._parser.get_method()
        offers = [v for n, v in self._headers if n.lower() == b"upgrade"]
        if method == b"CONNECT" or offers != [b"h2c"]:
            what = "CONNECT" if method == b"CONNECT" else "Upgrade"
            raise Refusal(501, f"{what} is not served here; use plain HTTP/1.1")
        head = without_upgrade(method, self._url, self._headers)
        self._parser = httptools.HttpRequestParser(self)
        self.feed(head + rest)

    def _head_too_large(self) -> Refusal:
        limits = self._limits
        return Refusal(
            431,
            f"the request head is larger than {limits.max_header_bytes} bytes or "
            f"{limits.max_headers} fields; send fewer or shorter headers",
        )

    def _count(self, size: int) -> None:
        limits = self._limits
        self._size += size
        if (
            self._size > limits.max_header_bytes
            or len(self._headers) > limits.max_headers
        ):
            raise self._head_too_large()

    # httptools

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._began = True
        self.incoming = None
        self.in_head = True
        self._url = b""
        self._headers = []
        self._size = self._unseen = 0

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field; trailers are dropped."""
        if self.in_head:
            self._headers.append((name, value))
            self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """Check the head and announce the request."""
        parser = self._parser
        if parser.should_upgrade():
            return
        self.in_head = False
        self._unseen = 0
        self._last = read_request(
            parser.get_method(),
            self._url,
            parser.get_http_version(),
            self._headers,
            keep_alive=parser.should_keep_alive(),
        )
        self.incoming = self._on_head(self._last)

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        if self.incoming is not None:
            self.incoming.body(data)

    def on_message_complete(self) -> None:
        """Mark the request as whole."""
        if self.incoming is not None:
            self.incoming.end()
            self.incoming = None
