"""One HTTP session to one API server: bounded, timed, retried where that is safe.

A call costs about a tenth of a millisecond, a third of what the official client's
own path takes, because bodies are bytes on the way in and on the way out.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import weakref
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from inferry.errors import one_line
from inferry_controller.kube import errors
from inferry_controller.kube.errors import ApiError, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from inferry_controller.kube.access import Access

#: Calls at a time; watches and the lease do not count.
FLIGHTS = 24
#: Seconds one attempt may take, and all attempts of a call together.
ATTEMPT, TOTAL = 20.0, 45.0
#: Attempts of a call, the first one among them.
ATTEMPTS = 5
#: Seconds of TCP connect and TLS handshake.
CONNECT = 5.0
#: Bytes of an answer; the largest page of a list is far below.
LARGEST = 256 << 20
_LARGEST_ERROR = 64 << 10
_LONGEST_PAUSE = 10.0
_LEAST = 0.1
#: Turns of the loop in which a socket that was shut down closes; two suffice.
_TURNS = 10
_BAD = 400
_TOO_MANY = 429


class Transport:
    """Sends calls; `close` ends all connections."""

    def __init__(
        self,
        access: Access,
        *,
        flights: int = FLIGHTS,
        attempts: int = ATTEMPTS,
        agent: str = "inferry-controller",
        counted: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self.access = access
        self.counted = counted
        self._agent = agent
        self._attempts = attempts
        self._slots = asyncio.Semaphore(flights)
        self._session: aiohttp.ClientSession | None = None
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    async def open(self) -> None:
        """Read the credentials and make the session."""
        await self.access.open()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=55, socket_factory=self._socket
            ),
            # Decompression of a page would stop the loop longer than a network takes.
            headers={"Accept-Encoding": "identity", "User-Agent": self._agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=1 << 18,
        )

    async def close(self) -> None:
        """End the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await self._hang_up()

    async def _hang_up(self) -> None:
        """End the connections of calls that were given up.

        The session forgets them while TLS waits for the good-bye of a server that may
        never answer; the loop could end before.
        """
        for _ in range(_TURNS):
            left = [each for each in self._sockets if each.fileno() >= 0]
            if not left:
                break
            for each in left:
                with contextlib.suppress(OSError):  # it is not connected, or no more
                    each.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(0)

    async def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        repeatable: bool = True,
        timeout: float = TOTAL,  # noqa: ASYNC109 - it bounds several attempts
        urgent: bool = False,
    ) -> bytes:
        """Return the body of the answer to one call.

        *repeatable* says that doing it twice does no harm; without it only what the
        server did not begin is tried again. *urgent* waits for no slot and is tried
        once, as a caller with a deadline of its own needs it.

        Raises:
            ApiError: what the server said, or that it did not answer.
        """
        url = self._url(path, query)
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content
        if urgent:
            return await self._urgent(method, url, headers, body, timeout, what)
        clock = asyncio.get_running_loop().time
        until = clock() + timeout
        attempt, renewed = 0, False
        while True:
            await self.access.fresh()
            generation = self.access.generation
            try:
                async with self._slots:
                    # Who waited for a slot till the end has a moment: 0 is "no end".
                    left = min(max(until - clock(), _LEAST), ATTEMPT)
                    return await self._once(method, url, headers, body, left, what)
            except Unauthorized:
                if renewed or not await self.access.renewed(generation):
                    raise
                renewed = True
                continue
            except Unavailable as error:
                attempt += 1
                pause = pause_before(
                    attempt, error, repeatable=repeatable, attempts=self._attempts
                )
                if pause is None or clock() + pause >= until:
                    raise
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        what: str,
        query: Mapping[str, str],
        total: float | None,
        silence: float,
        accept: str = "application/json",
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Yield the body of an answer that takes its time.

        It ends as `Unavailable` after *total* seconds, or *silence* without a byte.
        """
        await self.access.fresh()
        timeout = aiohttp.ClientTimeout(
            total=total, sock_read=silence, sock_connect=CONNECT
        )
        generation = self.access.generation
        try:
            async with self._request(
                "GET", self._url(path, query), {"Accept": accept}, None, timeout
            ) as answer:
                self._count("GET", str(answer.status))
                if answer.status >= _BAD:
                    raise await _refusal(answer, what)
                try:
                    yield answer.content
                finally:
                    _abandon(answer)
        except Unauthorized:
            await self.access.renewed(generation)
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _broken(error, what, self.access.host) from None

    async def _urgent(  # noqa: PLR0917 - as `_once`
        self,
        method: str,
        url: URL,
        headers: dict[str, str],
        body: bytes | None,
        timeout: float,  # noqa: ASYNC109 - aiohttp takes it
        what: str,
    ) -> bytes:
        """Try once, credentials included, within *timeout*."""
        try:
            async with asyncio.timeout(timeout):
                await self.access.fresh()
                generation = self.access.generation
                try:
                    return await self._once(method, url, headers, body, timeout, what)
                except Unauthorized:
                    if not await self.access.renewed(generation):
                        raise
                    return await self._once(method, url, headers, body, timeout, what)
        except TimeoutError as error:
            raise _broken(error, what, self.access.host) from None

    async def _once(  # noqa: PLR0917 - names would cost a microsecond each
        self,
        method: str,
        url: URL,
        headers: dict[str, str],
        body: bytes | None,
        timeout: float,  # noqa: ASYNC109 - aiohttp takes it
        what: str,
    ) -> bytes:
        limits = aiohttp.ClientTimeout(
            total=timeout, sock_connect=min(CONNECT, timeout)
        )
        try:
            async with self._request(method, url, headers, body, limits) as answer:
                self._count(method, str(answer.status))
                if answer.status >= _BAD:
                    raise await _refusal(answer, what)
                return await _body(answer, what)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._count(method, "<error>")
            raise _broken(error, what, self.access.host) from None

    def _request(
        self,
        method: str,
        url: URL,
        headers: dict[str, str],
        body: bytes | None,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            raise RuntimeError("the client is not open")
        access = self.access
        if access.authorization is not None:
            headers["Authorization"] = access.authorization
        return self._session.request(
            method,
            url,
            headers=headers,
            data=body,
            timeout=timeout,
            allow_redirects=False,
            ssl=access.ssl,
            proxy=access.proxy,
            server_hostname=access.server_hostname,
        )

    def _url(self, path: str, query: Mapping[str, str] | None) -> URL:
        text = f"{self.access.url}{path}"
        return URL(f"{text}?{urlencode(query)}" if query else text, encoded=True)

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """Return a socket that notices within a minute when the other end is gone."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", 30),
            ("TCP_KEEPINTVL", 10),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 30_000),
        ):
            if hasattr(socket, name):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._sockets.add(made)
        return made

    def _count(self, method: str, code: str) -> None:
        if self.counted is not None:
            self.counted(method, code, self.access.host)


def pause_before(
    attempt: int, error: Unavailable, *, repeatable: bool, attempts: int = ATTEMPTS
) -> float | None:
    """Return the seconds to wait after *attempt* attempts failed, or None to give up.

    A 429, or a connection that was never made, is safe to repeat for every call.
    """
    began = error.status != _TOO_MANY and error.reason != "NotConnected"
    if attempt >= attempts or (began and not repeatable):
        return None
    pause = error.retry_after
    if pause is None:
        pause = 0.1 * 2**attempt
    # Callers that failed together shall not come back together.
    return min(pause, _LONGEST_PAUSE) * random.uniform(1.0, 1.2)  # noqa: S311


def _abandon(answer: aiohttp.ClientResponse) -> None:
    """Cut the connection of an answer that was not read to its end.

    A polite end of TLS would wait for the other side, longer than a process that stops.
    """
    connection = answer.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


async def _body(answer: aiohttp.ClientResponse, what: str) -> bytes:
    """Return the body of *answer*, which need not say how long it will be."""
    parts, size = [], answer.content_length or 0
    if size <= LARGEST:
        size = 0
        while part := await answer.content.readany():
            size += len(part)
            if size > LARGEST:
                break
            parts.append(part)
    if size > LARGEST:
        _abandon(answer)
        raise errors.Invalid(f"{what}: an answer of more than {LARGEST} bytes")
    return b"".join(parts)


async def _refusal(answer: aiohttp.ClientResponse, what: str) -> ApiError:
    """Return the error that an answer with a status of 400 or more means."""
    body = await answer.content.read(_LARGEST_ERROR)
    while len(body) < _LARGEST_ERROR and not answer.content.at_eof():
        body += await answer.content.read(_LARGEST_ERROR - len(body))
    after = answer.headers.get("Retry-After", "")
    return errors.from_answer(
        answer.status,
        body,
        what,
        retry_after=float(after) if after.isdecimal() else None,
    )


def _broken(error: BaseException, what: str, host: str) -> ApiError:
    """Return what a failing connection means to the caller."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        reason, said = "NotConnected", "cannot be reached"
    elif isinstance(error, TimeoutError):
        reason, said = "Timeout", "did not answer in time"
    else:
        reason, said = "Disconnected", "broke the connection"
    # What aiohttp wraps says it without its own objects.
    cause = getattr(error, "certificate_error", None) or getattr(
        error, "os_error", None
    )
    detail = errors.told(one_line(cause or error))
    return Unavailable(f"{what}: {host} {said} ({detail})", reason=reason)
