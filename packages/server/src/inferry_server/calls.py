"""One inference from its head to its answer, and who hears of it.

Each lane begins a `Call` when a request's head is there and ends it when the answer is
known; the stations on the way write down when they were reached.
"""

from __future__ import annotations

import re
import secrets
import typing
from contextvars import ContextVar, copy_context
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from inferry_server.payload_log import PayloadLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context

    from inferry_server.http.routes import Route
    from inferry_server.statistics import Statistics

    T = TypeVar("T")

Protocol = Literal["v1", "v2", "grpc", "openai"]
_LONGEST_ID = 128
_UNSAFE = re.compile(r"[^\w.:;,/+=@~-]", re.ASCII)
#: The call that is worked for; known only where an observer wants it so.
CURRENT: ContextVar[Call | None] = ContextVar("inferry_call", default=None)


class Call(msgspec.Struct, eq=False):
    """What is known of one inference; times are of `time.perf_counter_ns`.

    ``headers`` are all that the transport has, by lower-case name; ``deadline`` is a
    time of `time.monotonic`. A station that was not reached is 0. ``batch`` is how many
    rows the model computed together, 0 where it is not batched. ``size`` is the bytes
    of the request's body. ``read`` is when the body was there, 0 where that was with
    the head. ``target`` is the route over HTTP and the name of the RPC over gRPC.
    """

    protocol: Protocol
    headers: Mapping[str, str]
    deadline: float | None = None
    target: Route | str = ""
    arrived: int = msgspec.field(default_factory=perf_counter_ns)
    read: int = 0
    queued: int = 0
    started: int = 0
    ended: int = 0
    rows: int = 1
    batch: int = 0
    size: int = 0
    explains: bool = False
    trace: Any = None
    #: Where user code runs; None where that makes no difference.
    context: Context | None = None
    _id: str = ""

    def __repr__(self) -> str:  # without the headers, which may hold keys
        return f"<Call of {self.protocol}>"

    @property
    def id(self) -> str:
        """The id that the client gave the request, made safe, or that `identify` made.

        Mostly none.
        """
        if not self._id and "x-request-id" in self.headers:
            given = self.headers["x-request-id"][:_LONGEST_ID]
            self._id = _UNSAFE.sub("", given)
        return self._id

    def identify(self) -> str:
        """Return the id, made where the client gave none."""
        if not self.id:
            self._id = secrets.token_hex(16)
        return self._id

    def within(self, function: Callable[..., T], *arguments: object) -> T:
        """Call *function*, which is ours, where `CURRENT` is this call."""
        if self.context is None:
            return function(*arguments)
        return self.context.copy().run(function, *arguments)

    def enter(self) -> Context | None:
        """Return the context in which the model runs that begins now.

        It is the caller's own, so that nobody else enters it. None is any context.
        """
        if self.trace is not None:
            return self.trace.enter(self)  # type: ignore[no-any-return]
        return None if self.context is None else self.context.copy()

    def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call *function*, which is the model's, in the context of this call."""
        context = self.enter()
        return (
            function(*arguments)
            if context is None
            else context.run(function, *arguments)
        )


class Observer(typing.Protocol):
    """Hears of the calls of a server, on its loop; must not raise and not wait."""

    def began(self, call: Call) -> None:
        """Hear that the head of *call* is there."""

    def ended(
        self, call: Call, model: str, code: int, *, received: int, sent: int
    ) -> None:
        """Hear what `Calls.end` heard."""

    async def close(self, patience: float) -> None:
        """Finish what is not yet done, within *patience* seconds."""


class Calls:
    """Begins and ends the calls of one server; the one place where others look on."""

    def __init__(
        self,
        statistics: Statistics,
        observers: tuple[Observer, ...] = (),
        payloads: PayloadLogs | None = None,
    ) -> None:
        #: Lanes show it bodies, where its ``active`` is not empty.
        self.payloads = payloads or PayloadLogs()
        self._statistics = statistics
        self._in_flight = statistics.in_flight
        self._observers = observers

    def begin(
        self,
        protocol: Protocol,
        headers: Mapping[str, str],
        *,
        deadline: float | None = None,
        target: Route | str = "",
    ) -> Call:
        """Return the call of a request whose head has arrived; `end` must follow."""
        self._in_flight[protocol] += 1
        call = Call(protocol, headers, deadline, target, perf_counter_ns())
        if self._observers:
            call.context = copy_context()
            call.context.run(CURRENT.set, call)
            for observer in self._observers:
                observer.began(call)
        return call

    def end(
        self, call: Call, model: str, code: int, *, received: int = 0, sent: int = 0
    ) -> None:
        """Record that *call* of *model* was answered with *code*, an HTTP status.

        *model* is empty where there is none of that name: what clients invent must not
        become labels. *received* and *sent* are bytes of the bodies. A call whose
        client left ends with 499.
        """
        self._in_flight[call.protocol] -= 1
        self._statistics.add(call, model, code, received, sent)
        if self._observers:
            for observer in self._observers:
                observer.ended(call, model, code, received=received, sent=sent)
            call.context = None  # which holds the call

    async def close(self, patience: float) -> None:
        """Let all who look on finish, within *patience* seconds each."""
        await self.payloads.close(patience)
        for observer in self._observers:
            await observer.close(patience)
