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
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inferry.errors import Overloaded
from inferry_server.http.answering import PROTOCOLS
from inferry_server.http.body import LARGE, Body, Receiver, number
from inferry_server.http.errors import error_response, refusal
from inferry_server.http.exchange import CLOSE, Response
from inferry_server.http.kept import Head, Pending
from inferry_server.http.protocol import LimitedProtocol, limits, without_upgrade
from inferry_server.http.routes import Route, match
from inferry_server.http.writing import Writer

if TYPE_CHECKING:
    from inferry_server.calls import Call
    from inferry_server.http.answering import Answering
    from inferry_server.http.app import App
    from inferry_server.settings import ServerSettings

#: Headers that ask for what only the usual way does.
_ASKS_MORE = frozenset({"content-encoding", "expect", "transfer-encoding", "upgrade"})
_MOST_ROUTES = 1024
_TIMEOUT = 408
_END_OF_HEAD = b"\r\n\r\n"


class FastProtocol(LimitedProtocol):
    """One connection; `fast_protocol` makes a class of it for one server."""

    app_: ClassVar[App]
    answering: ClassVar[Answering]
    max_body: ClassVar[int]
    idle_limit: ClassVar[float]
    routes: ClassVar[dict[bytes, Route]]
    writer: ClassVar[Writer]

    _call: Call | None = None  # of the request whose body is on its way
    _route: Route
    _length = 0
    _body: Body | None = None  # what is there of it, if it did not come in one piece
    _whole: bytes | memoryview | None = None
    _held = 0
    _align_at = 0
    _is_http_1_1 = False
    _is_between = True  # so that the next byte begins a request
    _is_timed = False
    _data = b""  # what is parsed, where it begins a request
    _last: Head | None = None
    _task: asyncio.Task[None] | None = None

    # What the transport and uvicorn's parser tell

    def data_received(self, data: bytes) -> None:
        """Parse; a large body is received where it shall lie from now on."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        if not self._repeats(data):
            self._parse(data)
        call, cycle = self._call, self.cycle
        if call is None and cycle is not None and not cycle.response_complete:
            self.due = math.inf  # a request is being answered
            return
        now = self.loop.time()
        if call is None:
            if not self._in_head:
                self.due = now + self.idle_limit
            elif not self._is_timed:  # of the whole head, however it trickles in
                self._is_timed = True
                self.due = now + self.patience
            return
        self.due = now + self.patience
        if not self.transport.is_closing() and self._missing() >= LARGE:
            Receiver(self, self.transport, self._memory()).start()

    def _parse(self, data: bytes) -> None:
        self._data = data if self._is_between else b""
        cycle = self.cycle
        if self._call is None and (cycle is None or not cycle.more_body):
            data = without_upgrade(data)
        self.feed(data)
        if self._in_head:
            self.bound_head(len(data))
        else:
            self._unparsed = 0

    def on_message_begin(self) -> None:
        """Begin with a head; the scope of ASGI is made only where it is needed."""
        self._in_head = True
        self._is_between = False
        self._is_timed = False
        self._head_bytes = 0
        self.url = b""
        self.headers = []

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the url."""
        self._count(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        size = self._head_bytes = self._head_bytes + len(name) + len(value) + 4
        if size > self.max_head:
            self._count(0)
        if self._in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take the lane, or go the usual way."""
        self._in_head = False
        if self._takes_lane():
            return
        self.check_head()
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers.extend(headers)  # the scope holds this very list
        for name, value in headers:
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if self._call is None:
            super().on_body(body)
        elif len(body) == self._length and self._align_at == 0:
            self._whole = body
            self.took(len(body))
        else:
            self._memory().add(body)
            self.took(len(body))

    def on_message_complete(self) -> None:
        """Answer, once the body is there."""
        self._is_between = True
        if self._call is None:
            super().on_message_complete()
        else:
            if self._whole is not None:
                self._remember(self._call)
            self.completed()

    # What the lane does

    def _repeats(self, data: bytes) -> bool:
        """Answer a request with the very head of the last one, without parsing it."""
        last = self._last
        if (
            last is None
            or len(data) != last.size
            or not self._is_between
            or not data.startswith(last.text)
            or not self._is_free()
        ):
            return False
        body = memoryview(data)[len(last.text) :]
        try:
            self.app_.room.take(len(body))
        except Overloaded:
            return False  # the usual way tells
        call = self.answering.begin(last.route, last.headers)
        self._answer(call, last.route, body, len(body))
        return True

    def _remember(self, call: Call) -> None:
        """Keep the head of a request that is all that has just arrived."""
        size = len(self._data) - self._length
        if self._data.find(_END_OF_HEAD) == size - len(_END_OF_HEAD) > 0:
            self._last = Head(
                self._data[:size], len(self._data), self._route, call.headers
            )

    def _is_free(self) -> bool:
        cycle = self.cycle
        return not (
            (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.app_.draining
            or self.transport.is_closing()
        )

    def _takes_lane(self) -> bool:
        parser = self.parser
        if (
            parser.get_method() != b"POST"
            or not parser.should_keep_alive()
            or not self._is_free()
        ):
            return False
        route = self.routes.get(self.url) or self._find(self.url)
        if route is None or not (self._is_http_1_1 or self._speaks_http_1_1()):
            return False
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in self.headers
        }
        length = headers.get("content-length")
        if length is None or "host" not in headers:
            return False
        if len(headers) != len(self.headers) or not _ASKS_MORE.isdisjoint(headers):
            return False
        self._length = int(length)
        if self._length > self.max_body:
            return False
        self._align_at = (
            number(headers["inference-header-content-length"])
            if "inference-header-content-length" in headers
            else 0
        )
        self._route = route
        self._call = self.answering.begin(route, headers)
        return True

    def _speaks_http_1_1(self) -> bool:
        # Asked once: the parser writes the version as text each time.
        self._is_http_1_1 = self.parser.get_http_version() == "1.1"
        return self._is_http_1_1

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

    def _memory(self) -> Body:
        if self._body is None:
            self._body = Body(self._length, self._align_at)
        return self._body

    def _missing(self) -> int:
        return self._length - (0 if self._body is None else self._body.have)

    def took(self, size: int) -> None:
        """Count *size* bytes of the body, which lie where they shall."""
        if self._call is None:  # it was given up
            return
        try:
            self.app_.room.take(size)
        except Overloaded as error:
            self._give_up(error_response(error, self._route.kind))
        else:
            self._held += size

    def completed(self) -> None:
        """Answer: the body is whole."""
        call, self._call = self._call, None
        if call is None:  # it was given up
            return
        whole, self._whole = self._whole, None
        body, self._body = self._body, None
        held, self._held = self._held, 0
        view = memoryview(whole or b"") if body is None else body.view()
        self._answer(call, self._route, view, held)

    def _answer(self, call: Call, route: Route, body: memoryview, held: int) -> None:
        """Answer *call*, whose *body* takes the room *held*."""
        answer = self.answering.answer(call, route, body)
        if isinstance(answer, Response):
            self._write(answer)
            self.app_.room.give_back(held)
            return
        pending = Pending(answer, call, route, held)
        self.cycle = pending  # type: ignore[assignment]  # stands for one
        task = self._task = self.loop.create_task(self._later(pending))
        task.add_done_callback(partial(self._left, pending))
        self.tasks.add(task)

    async def _later(self, pending: Pending) -> None:
        pending.begun = True
        try:
            response = await pending.answer
        except asyncio.CancelledError:
            if pending.disconnected:
                return
            response = refusal(503, "the server stops", CLOSE)
        if pending.disconnected:
            return
        if self.flow.write_paused:
            await self.flow.drain()
        if self.transport.is_closing():
            return
        self._write(response, close=self.app_.draining or not pending.keep_alive)
        pending.response_complete = True
        self.on_response_complete()

    def _left(self, pending: Pending, task: asyncio.Task[None]) -> None:
        """Put an end to *task*, also where its client left before it could begin."""
        self._task = None
        self.tasks.discard(task)
        self.app_.room.give_back(pending.held)
        if not pending.begun:
            pending.answer.close()
            self.answering.gone(pending.call, pending.route)

    def _write(self, response: Response, *, close: bool = False) -> None:
        usual = self.server_state.default_headers
        self.writer.write(self.transport, response, usual, close=close)

    # How it ends

    def sweep(self, now: float) -> None:
        """Tell a client that its body is late; close what is idle too long."""
        if self._call is not None and now > self.due:
            text = "the request's body did not arrive in time"
            self._give_up(refusal(_TIMEOUT, text, CLOSE))
        super().sweep(now)

    def _give_up(self, response: Response) -> None:
        """Answer before the body is there, and close."""
        call = self._drop()
        if call is not None:
            response = self.answering.ended(call, self._route, response)
            self._write(response, close=True)

    def _drop(self) -> Call | None:
        call, self._call = self._call, None
        self._body = self._whole = None
        self.app_.room.give_back(self._held)
        self._held = 0
        return call

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what nobody waits for any more."""
        call = self._drop()
        if call is not None:
            self.answering.gone(call, self._route)
        super().connection_lost(exc)
        if self._task is not None:
            self._task.cancel()

    def new_parser(self) -> None:
        """Begin anew: the last body went past the parser."""
        self._is_between = True
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)


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
            "writer": Writer(),
        },
    )
