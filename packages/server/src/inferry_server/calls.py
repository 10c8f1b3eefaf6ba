"""One inference from its head to its answer, and who hears of it.

Each lane begins a `Call` when a request's head is there and ends it when the answer is
known; the stations on the way write down when they were reached.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_server.statistics import Statistics

Protocol = Literal["v1", "v2", "grpc"]


class Call:
    """What is known of one inference; times are of `time.perf_counter_ns`.

    ``headers`` are all that the transport has, by lower-case name; ``deadline`` is a
    time of `time.monotonic`. A station that was not reached is 0. ``batch`` is how many
    rows the model computed together, 0 where it is not batched. ``size`` is the bytes
    of the request's body. ``read`` is when the body was there, 0 where that was with
    the head.
    """

    __slots__ = (
        "arrived",
        "batch",
        "deadline",
        "ended",
        "explains",
        "headers",
        "protocol",
        "queued",
        "read",
        "rows",
        "size",
        "started",
        "trace",
    )

    def __init__(
        self,
        protocol: Protocol,
        headers: Mapping[str, str],
        *,
        deadline: float | None = None,
    ) -> None:
        self.protocol = protocol
        self.headers = headers
        self.deadline = deadline
        self.arrived = perf_counter_ns()
        self.read = self.queued = self.started = self.ended = 0
        self.rows = 1
        self.batch = self.size = 0
        self.explains = False
        self.trace: Any = None

    @property
    def id(self) -> str:
        """The id that the client gave the request, mostly none."""
        return self.headers.get("x-request-id", "")


class Calls:
    """Begins and ends the calls of one server; the one place where others look on."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._in_flight = statistics.in_flight

    def begin(
        self,
        protocol: Protocol,
        headers: Mapping[str, str],
        *,
        deadline: float | None = None,
    ) -> Call:
        """Return the call of a request whose head has arrived; `end` must follow."""
        self._in_flight[protocol] += 1
        return Call(protocol, headers, deadline=deadline)

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
