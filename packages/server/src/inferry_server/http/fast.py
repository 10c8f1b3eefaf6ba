"""Lane 0: inference requests that never become an ASGI scope, a task or a timer.

What is plain (a POST to a route that infers, a body of known length, nothing that asks
for more) is collected and answered right in the protocol; 53 us a request become 21.
Everything else, and everything while such a request is still being answered, goes the
usual way through uvicorn. Both ways meet in `inferry_server.http.answering`, and their
answers are the same byte for byte.

Source of what is overridden: ``httptools_impl`` of uvicorn.
"""

from __future__ import annotations

import asyncio
import math
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from inferry.errors import Overloaded
from inferry_server.http.answering import PROTOCOLS
from inferry_server.http.body import Body, Receiver
from inferry_server.http.errors import error_response, refusal
from inferry_server.http.exchange import CLOSE, Response
from inferry_server.http.protocol import LimitedProtocol, limits
from inferry_server.http.routes import Route, match

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from inferry_server.calls import Call
    from inferry_server.http.answering import Answering
    from inferry_server.http.app import App
    from inferry_server.settings import ServerSettings

#: Headers that ask for what only the usual way does.
_ASKS_MORE = frozenset({"content-encoding", "expect", "transfer-encoding", "upgrade"})
_MOST_ROUTES = 1024
#: Above this, the parts of an answer are not copied into one.
_JOINED = 16 * 1024
_TIMEOUT = 408


class FastProtocol(LimitedProtocol):
    """One connection; `fast_protocol` makes a class of it for one server."""

    app_: ClassVar[App]
    answering: ClassVar[Answering]
    max_body: ClassVar[int]
    idle_limit: ClassVar[float]
    routes: ClassVar[dict[bytes, Route | None]]
    _dated: ClassVar[tuple[Any, bytes]] = (None, b"")

    _body: Body | None = None
    _call: Call
    _route: Route
    _task: asyncio.Task[None] | None = None

    # What uvicorn's parser tells

    def data_received(self, data: bytes) -> None:
        """Parse; a large body is received where it shall lie from now on."""
        super().data_received(data)
        body = self._body
        if body is not None and body.wants_receiver and not self.transport.is_closing():
            Receiver(self, self.transport, body).start()

    def on_message_begin(self) -> None:
        """Begin with a head; the scope of ASGI is made only where it is needed."""
        self._head_bytes = 0
        self.due = self.loop.time() + self.patience
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._count(len(name) + len(value) + 4)
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take the lane, or go the usual way."""
        if self._takes_lane():
            self.due = self.loop.time() + self.patience
            return
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers.extend(headers)  # the scope holds this very list
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue"
            for name, value in headers
        )
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Collect a piece of a body."""
        if self._body is None:
            super().on_body(body)
        else:
            self.received(body)

    def on_message_complete(self) -> None:
        """Answer, once the body is there."""
        if self._body is None:
            super().on_message_complete()
        else:
            self.completed()

    # What the lane does

    def _takes_lane(self) -> bool:
        cycle = self.cycle
        if (
            self.parser.get_method() != b"POST"
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.app_.draining
            or self.transport.is_closing()
        ):
            return False
        route = self.routes.get(self.url) or self._find(self.url)
        if route is None or self.parser.get_http_version() != "1.1":
            return False
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.headers
        }
        if not _ASKS_MORE.isdisjoint(headers):
            return False
        if headers.get("connection", "keep-alive").lower() != "keep-alive":
            return False
        length = int(headers.get("content-length", -1))
        if not 0 <= length <= self.max_body:
            return False
        self._route = route
        self._call = self.answering.begin(route, headers)
        self._body = Body(length, headers.get("inference-header-content-length"))
        return True

    def _find(self, url: bytes) -> Route | None:
        """Look *url* up among the routes, once for as long as its model is there."""
        if b"?" in url or b"%" in url or not url.isascii():
            return None
        route = match(url.decode("ascii"))
        if route is None or route.kind not in PROTOCOLS:
            return None
        try:
            self.answering.check(route)
        except Exception:  # noqa: BLE001 - the usual way tells what is wrong
            return None
        if len(self.routes) >= _MOST_ROUTES:
            self.routes.clear()
        self.routes[url] = route
        return route

    def received(self, piece: bytes | int) -> None:
        """Take *piece* into the body, or that many bytes that are in it already."""
        body = self._body
        if body is None:
            return
        self.due = self.loop.time() + self.patience
        size = piece if isinstance(piece, int) else len(piece)
        try:
            self.app_.room.take(size)
        except Overloaded as error:
            self._give_up(error_response(error, self._route.kind))
            return
        body.held += size
        if not isinstance(piece, int):
            body.add(piece)

    def completed(self) -> None:
        """Answer: the body is whole."""
        body, self._body = self._body, None
        if body is None:
            return
        self.due = math.inf
        call, route = self._call, self._route
        if body.length >= _JOINED:  # a small one comes with its head
            call.read = perf_counter_ns()
        answer = self.answering.answer(call, route, body.view())
        if isinstance(answer, Response):
            self.app_.room.give_back(body.held)
            self._write(answer)
            self.due = self.loop.time() + self.idle_limit
            return
        self.cycle = pending = _Pending()  # type: ignore[assignment]  # stands for one
        self._task = self.loop.create_task(self._later(answer, pending, body.held))
        self._task.add_done_callback(self.tasks.discard)
        self.tasks.add(self._task)

    async def _later(
        self, answer: Awaitable[Response], pending: _Pending, held: int
    ) -> None:
        try:
            response = await answer
        except asyncio.CancelledError:
            if pending.disconnected:
                return
            response = refusal(503, "the server stops", CLOSE)
        finally:
            self._task = None
            self.app_.room.give_back(held)
        if pending.disconnected:
            return
        if self.flow.write_paused:
            await self.flow.drain()
        self._write(response, close=self.app_.draining or not pending.keep_alive)
        pending.response_complete = True
        self.on_response_complete()

    def _write(self, response: Response, *, close: bool = False) -> None:
        parts = response.parts
        close = close or CLOSE in response.headers
        head = [
            STATUS_LINE[response.status],
            self._date(),
            b"content-type: %b\r\ncontent-length: %d\r\n"
            % (response.content_type, response.size),
        ]
        for name, value in response.headers:
            head += (name, b": ", value, b"\r\n")
        if close and CLOSE not in response.headers:
            head.append(b"connection: close\r\n")
        head.append(b"\r\n")
        if response.size > _JOINED:
            self.transport.writelines([b"".join(head), *parts])
        else:
            self.transport.write(b"".join((*head, *parts)))
        if close:
            self.transport.close()

    def _date(self) -> bytes:
        now = self.server_state.default_headers
        if self._dated[0] is not now:
            lines = b"".join(b"%b: %b\r\n" % header for header in now)
            type(self)._dated = (now, lines)  # noqa: SLF001 - its own class
        return self._dated[1]

    # How it ends

    def sweep(self, now: float) -> None:
        """Tell a client that its body is late; close what is idle too long."""
        if self._body is not None and now > self.due:
            text = "the request's body did not arrive in time"
            self._give_up(refusal(_TIMEOUT, text, CLOSE))
        super().sweep(now)

    def _give_up(self, response: Response) -> None:
        """Answer before the body is there, and close."""
        self._drop_body()
        self.answering.ended(self._call, self._route, response)
        self._write(response, close=True)

    def _drop_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            self.app_.room.give_back(body.held)

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what nobody waits for any more."""
        if self._body is not None:
            self.answering.gone(self._call, self._route)
        self._drop_body()
        super().connection_lost(exc)
        if self._task is not None:
            self._task.cancel()

    def new_parser(self) -> None:
        """Begin anew: the last body went past the parser."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)


class _Pending:
    """Stands where uvicorn keeps a request under way, so that others queue behind."""

    def __init__(self) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = asyncio.Event()


def fast_protocol(
    app: App, answering: Answering, settings: ServerSettings
) -> type[FastProtocol]:
    """Return the protocol class of one server."""
    return type(
        "Fast",
        (FastProtocol,),
        {
            **limits(settings),
            "app_": app,
            "answering": answering,
            "max_body": settings.max_body_bytes,
            "idle_limit": settings.keep_alive_timeout,
            "routes": {},
        },
    )
