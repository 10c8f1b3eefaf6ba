"""An HTTP endpoint, which gets each message as a CloudEvent in binary mode.

Several connections carry messages at a time, all in the one thread of the sink: each
further thread would take as much of the interpreter from the requests again.
Source: CloudEvents 1.0, HTTP protocol binding, section 3.1.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from inferry_server.payload_log.messages import common_attributes, own_attributes
from inferry_server.payload_log.outbox import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inferry_server.payload_log.messages import Message, Origin

#: So many messages are on their way at a time.
AT_ONCE = 16
_TIMEOUT = 10.0
_GOOD = range(200, 300)
_INTERIM = range(100, 200)
_EMPTY = frozenset({204, 304})
_WORTH_A_RETRY = frozenset({408, 425, 429, *range(500, 600)})
_LONGEST_ANSWER = 64 * 1024
# JSON keeps its quotes and spaces, which decoders of events take as they are.
_UNSAFE = re.compile(r"[^\x20-\x24\x26-\x7e]")
_PORTS = {"http": 80, "https": 443}


class HttpSink:
    """Posts to *url*."""

    def __init__(self, url: str, origin: Origin) -> None:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        self._head = (
            f"POST {_line(target)} HTTP/1.1\r\nhost: {_line(host)}\r\n".encode()
            + _headers(common_attributes(origin))
        )
        self._origin = origin
        self._address = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
        self._is_secure = parts.scheme == "https"
        self._idle: list[_Connection] = []
        # Both are made in the thread that sends: reading certificates takes 20 ms.
        self._runner: asyncio.Runner | None = None
        self._tls: ssl.SSLContext | None = None

    def send(self, messages: Sequence[Message]) -> None:
        """Post each of *messages*."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(self._send(messages))

    async def _send(self, messages: Sequence[Message]) -> None:
        waiting = iter(messages)
        left: list[Message] = []
        errors: list[SinkError] = []
        await asyncio.gather(
            *(
                self._post_all(waiting, left, errors)
                for _ in range(min(AT_ONCE, len(messages)))
            )
        )
        if errors:
            again = any(error.again for error in errors)
            raise SinkError(str(errors[0]), again=again, left=left)

    async def _post_all(
        self, waiting: Iterator[Message], left: list[Message], errors: list[SinkError]
    ) -> None:
        for message in waiting:
            try:
                await self._post(message)
            except SinkError as error:
                left.append(message)
                errors.append(error)

    async def _post(self, message: Message) -> None:
        url = self._origin.url
        try:
            async with asyncio.timeout(_TIMEOUT):
                status = await self._exchange(message)
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise SinkError(f"{url}: {type(error).__name__}: {error}") from error
        if status not in _GOOD:
            raise SinkError(f"{url} answers {status}", again=status in _WORTH_A_RETRY)

    async def _exchange(self, message: Message) -> int:
        head = self._head + _own(message)
        while self._idle:
            connection = self._idle.pop()
            # One that was idle may have been closed by the endpoint meanwhile.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                return await self._over(connection, head, message.body)
        return await self._over(await self._connect(), head, message.body)

    async def _over(self, connection: _Connection, head: bytes, body: bytes) -> int:
        try:
            status = await connection.post(head, body)
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return status

    async def _connect(self) -> _Connection:
        if self._is_secure and self._tls is None:
            self._tls = _tls(self._origin)
        host, port = self._address
        return _Connection(*await asyncio.open_connection(host, port, ssl=self._tls))

    def close(self) -> None:
        """Close the connections."""
        if self._runner is not None:
            self._runner.run(self._close())
            self._runner.close()

    async def _close(self) -> None:
        for connection in self._idle:
            connection.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.writer.wait_closed()


class _Connection:
    """One connection, for one exchange at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self.writer = writer
        self.is_open = True

    async def post(self, head: bytes, body: bytes) -> int:
        """Send a request and return the status of its answer."""
        self.writer.write(head)
        self.writer.write(body)
        await self.writer.drain()
        version, status, headers = await self._head()
        while status in _INTERIM:
            version, status, headers = await self._head()
        length = headers.get(b"content-length", b"0" if status in _EMPTY else b"-1")
        if (
            b"transfer-encoding" in headers
            or version != b"HTTP/1.1"
            or headers.get(b"connection", b"").lower() == b"close"
            or not 0 <= int(length) <= _LONGEST_ANSWER
        ):
            self.close()
        else:
            await self._reader.readexactly(int(length))
        return status

    async def _head(self) -> tuple[bytes, int, Mapping[bytes, bytes]]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        version, status = lines[0].split(b" ", 2)[:2]
        return version, int(status), headers

    def close(self) -> None:
        """Take no more requests."""
        self.is_open = False
        self.writer.close()


def _own(message: Message) -> bytes:
    headers = {"content-type": message.content_type, **own_attributes(message)}
    if message.json_length:
        headers["inference-header-content-length"] = message.json_length
    return _headers(headers) + b"content-length: %d\r\n\r\n" % len(message.body)


def _headers(headers: Mapping[str, str]) -> bytes:
    return "".join(
        f"{name}: {_line(text)}\r\n" for name, text in headers.items()
    ).encode()


def _line(text: str) -> str:
    """Return *text* without what a header cannot hold, a line break first of all."""
    return _UNSAFE.sub(lambda match: quote(match[0]), text)


def _tls(origin: Origin) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=origin.ca_file or None)
    if not origin.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
