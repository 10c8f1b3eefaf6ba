"""A proxy before an API server, with the faults of real ones; it counts the calls."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bed.certificates import Pair

_START_SECONDS = 30
_BODY = 64 << 20
_HOP = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(kw_only=True)
class Call:
    """One call as it came in, and what was answered; 0 where nothing was."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    number: int = 0
    status: int = 0

    @property
    def is_watch(self) -> bool:
        """Whether it is a watch, which stays open."""
        return self.query.get("watch", "") in {"1", "true"}

    @property
    def is_write(self) -> bool:
        """Whether it changes what is stored."""
        return self.method in _WRITES


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to a call: first it waits, then it is cut or answered.

    ``cut`` closes the connection without an answer. ``after`` does so only when the API
    server has done what was asked: the caller cannot know.
    """

    delay: float = 0.0
    cut: bool = False
    after: bool = False
    status: int = 0
    retry_after: int | None = None
    text: str = "injected"


Rule = Callable[[Call], Fault | None]


class FaultProxy:
    """Passes calls on to an API server as they are, unless `rule` says otherwise.

    It ends TLS, so callers show who they are by a token, not by a certificate.
    """

    def __init__(self, url: str, authority: Path, pair: Pair) -> None:
        self.rule: Rule = lambda _: None
        self.calls: list[Call] = []
        self.url = ""
        self._upstream = url
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(pair.certificate, pair.key)
        self._watches: set[asyncio.Transport] = set()
        self._callers: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_START_SECONDS)

    def close_watches(self) -> int:
        """Cut every open watch in the middle of its answer; return how many."""
        asked = asyncio.run_coroutine_threadsafe(_cut(self._watches), self._loop)
        return asked.result(_START_SECONDS)

    def writes(self) -> list[Call]:
        """Return the calls that changed something, leases and events not among them."""
        quiet = ("/leases", "/events")
        return [
            call
            for call in self.calls
            if call.is_write and not any(part in call.path for part in quiet)
        ]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        connector = aiohttp.TCPConnector(
            ssl=self._trust, limit=0, socket_factory=self._socket
        )
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            app = web.Application(client_max_size=_BODY)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
            await site.start()
            port = runner.addresses[0][1]
            self.url = f"https://127.0.0.1:{port}"
            self._ready.set()
            await self._ended.wait()
            # Without this, TLS waits half a minute for the good-bye of idle callers.
            await _cut(self._callers)
            await runner.cleanup()
        for each in self._sockets:  # calls that were cut wait for a good-bye, too
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        await _end_all()

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        made = socket.socket(*address[:3])
        self._sockets.add(made)
        return made

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            number=len(self.calls),
        )
        self.calls.append(call)
        if request.transport is not None:
            self._callers.add(request.transport)
        fault = self.rule(call) or Fault()
        await asyncio.sleep(fault.delay)
        if fault.cut:
            return _abort(request)
        if fault.status:
            call.status = fault.status
            return _refusal(fault)
        try:
            answer = await self._pass_on(request, call)
        except aiohttp.ClientError:  # the API server is away
            return _abort(request)
        return _abort(request) if fault.after else answer

    async def _pass_on(self, request: web.Request, call: Call) -> web.StreamResponse:
        sent = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        async with self._session.request(
            request.method,
            f"{self._upstream}{request.raw_path}",
            data=await request.read() or None,
            headers=sent,
        ) as upstream:
            call.status = upstream.status
            got = {k: v for k, v in upstream.headers.items() if k.lower() not in _HOP}
            if not call.is_watch:
                body = await upstream.read()
                return web.Response(status=upstream.status, headers=got, body=body)
            return await self._stream(request, upstream, got)

    async def _stream(
        self,
        request: web.Request,
        upstream: aiohttp.ClientResponse,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        answer = web.StreamResponse(status=upstream.status, headers=headers)
        await answer.prepare(request)
        transport = request.transport
        if transport is None:
            return answer
        self._watches.add(transport)
        try:
            async for piece in upstream.content.iter_any():
                await answer.write(piece)
            await answer.write_eof()
        except (aiohttp.ClientError, ConnectionError):  # either side has gone
            transport.abort()
        finally:
            self._watches.discard(transport)
        return answer


async def _cut(transports: Collection[asyncio.Transport]) -> int:
    found = list(transports)
    for transport in found:
        transport.abort()
    return len(found)


async def _end_all() -> None:
    """End what still waits on callers that are gone: no task outlives its loop."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.sleep(0.1)  # what was aborted closes in a later turn


def _abort(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # nobody gets it


def _refusal(fault: Fault) -> web.Response:
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": fault.text,
        "code": fault.status,
    }
    return web.json_response(status, status=fault.status, headers=headers)
