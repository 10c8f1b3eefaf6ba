"""The generate extension: flat JSON in, one flat JSON answer out.

Source: Triton, "Generate Extension".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry.model import InferResponse
from inferry_server.codec import generate, v2
from inferry_server.http.exchange import Response
from inferry_server.scheduling import take_schedule

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from inferry.model import InferRequest
    from inferry_server.calls import Call
    from inferry_server.http.routes import Route
    from inferry_server.loaded import Answer, LoadedModel
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings

#: JSON over this size is read in a thread: a megabyte takes milliseconds.
_LARGE = 256 * 1024


class Generation:
    """Answers ``generate`` with the models of *models*."""

    def __init__(self, models: Models, settings: ServerSettings) -> None:
        self._models = models
        self._max_elements = settings.max_elements

    def generate(
        self, call: Call, route: Route, body: memoryview
    ) -> Response | Awaitable[Response]:
        """Answer ``POST /v2/models/{m}[/versions/{v}]/generate``."""
        model = self._models.get(route.model, route.version)
        if model.passing is not None:
            return model.passing.answer(call, route, body)
        if len(body) > _LARGE:
            return self._generate_large(model, call, route, body)
        request = self.request(model, call, route, body)
        answer = model.predict(request, call)
        if isinstance(answer, InferResponse):
            return Response(200, [encoded(model, request, answer)])
        return _later(model, request, answer)

    async def _generate_large(
        self, model: LoadedModel, call: Call, route: Route, body: memoryview
    ) -> Response:
        request = await asyncio.to_thread(self.request, model, call, route, body)
        return await _later(model, request, model.predict(request, call))

    def request(
        self, model: LoadedModel, call: Call, route: Route, body: memoryview
    ) -> InferRequest:
        """Return the request that *body* is, for a *model* of its inputs.

        Raises:
            InvalidInput: It is none.

        """
        decoded = generate.decode(body, model.metadata.inputs, self._max_elements)
        take_schedule(call, decoded.parameters)
        return model.request(
            decoded.inputs,
            call,
            parameters=decoded.parameters,
            id=decoded.id,
            version=route.version,
        )


def encoded(model: LoadedModel, request: InferRequest, answer: InferResponse) -> bytes:
    """Return *answer* to *request* as JSON."""
    document = generate.encode(
        answer,
        model=model.name,
        version=model.shown_version(request.model_version),
        request_id=request.id,
    )
    return v2.dump(document, model.name)


async def _later(model: LoadedModel, request: InferRequest, answer: Answer) -> Response:
    response = answer if isinstance(answer, InferResponse) else await answer
    return Response(200, [encoded(model, request, response)])
