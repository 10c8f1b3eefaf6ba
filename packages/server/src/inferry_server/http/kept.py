"""What a connection of lane 0 keeps: the last head, and the request under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from typing import Any

    from inferry_server.calls import Call
    from inferry_server.http.exchange import Response
    from inferry_server.http.routes import Route


class Head(Struct, frozen=True, gc=False):
    """The head of a request that took the lane and came with its body at once.

    ``text`` ends with the empty line, ``size`` includes the body.
    """

    text: bytes
    size: int
    route: Route
    headers: Mapping[str, str]


class Pending:
    """Stands where uvicorn keeps a request under way, so that others queue behind.

    *answer* is the coroutine that gives the response to *call*; *held* is the room that
    its body takes.
    """

    keep_alive = True
    more_body = False

    def __init__(
        self,
        answer: Coroutine[Any, Any, Response],
        call: Call,
        route: Route,
        held: int,
    ) -> None:
        self.answer = answer
        self.call = call
        self.route = route
        self.held = held
        self.begun = False
        self.response_complete = False
        self.disconnected = False
        self.message_event = asyncio.Event()
