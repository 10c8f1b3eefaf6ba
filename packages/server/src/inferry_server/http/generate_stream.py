"""The generate extension as a stream: an event for each answer of the model.

Source: Triton, "Generate Extension".
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from time import perf_counter_ns
from typing import TYPE_CHECKING

from inferry_server.http.answering import given_id
from inferry_server.http.exchange import ClientGone, Response, unless_gone
from inferry_server.http.generate import Generation, encoded
from inferry_server.http.streaming import Stream, event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from inferry.model import InferRequest
    from inferry_server.calls import Call
    from inferry_server.http.answering import Answering
    from inferry_server.http.exchange import Request
    from inferry_server.http.routes import Route
    from inferry_server.loaded import LoadedModel
    from inferry_server.services import Services


class Streaming:
    """Answers ``generate_stream``; what fails before the first event has a status."""

    def __init__(self, services: Services, answering: Answering) -> None:
        self._models = services.models
        self._settings = services.settings
        self._answering = answering
        self._generation = Generation(services.models, services.settings)

    async def generate_stream(
        self, request: Request, route: Route
    ) -> Response | Stream:
        """Answer ``POST /v2/models/{m}[/versions/{v}]/generate_stream``."""
        call = self._answering.begin(route, request.headers)
        try:
            self._answering.check(route)
            body = await request.body(
                self._settings.max_body_bytes, self._settings.read_timeout
            )
            call.size = len(body)
            call.read = perf_counter_ns()
            self._answering.copy_request(call, route, body)
            model = await self._models.awake(route.model, route.version)
            if model.passing is not None:
                answers = model.passing.events(call, route, body)
            else:
                asked = self._generation.request(model, call, route, body)
                answers = _events(model, asked, call)
            first = await unless_gone(request, _first(answers))
        except (ClientGone, asyncio.CancelledError):
            self._answering.gone(call, route)
            raise
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            return self._answering.failed(call, route, error)

        def end(code: int, sent: int) -> None:
            self._answering.streamed(call, route, code, sent)

        return Stream(request, _rest(first, answers), end, given_id(call))


async def _events(
    model: LoadedModel, request: InferRequest, call: Call
) -> AsyncGenerator[bytes, None]:
    async with aclosing(model.stream(request, call)) as answers:
        async for answer in answers:
            yield event(encoded(model, request, answer))


async def _first(events: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(events, None)


async def _rest(
    first: bytes | None, events: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        if first is None:
            return
        yield first
        async for piece in events:
            yield piece
