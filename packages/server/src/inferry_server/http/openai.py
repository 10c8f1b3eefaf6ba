"""OpenAI's routes: the model is named in the body, the answer may be a stream.

Source: OpenAI's API reference; vLLM and KServe for ``rerank`` and the prefix.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput, ModelNotFound
from inferry.openai import InvalidParameter
from inferry_server.codec import v1, v2, values
from inferry_server.http.answering import given_id
from inferry_server.http.documents import document
from inferry_server.http.exchange import ClientGone, Response, unless_gone
from inferry_server.http.openai_errors import UnknownModel, worded
from inferry_server.http.streaming import Stream, event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

    from inferry_server.calls import Call
    from inferry_server.http.answering import Answering
    from inferry_server.http.exchange import Request
    from inferry_server.http.routes import Kind, Route
    from inferry_server.loaded import LoadedModel
    from inferry_server.services import Services

    Reply = Response | Stream
    Handler = Callable[[Request, Route], Response | Awaitable[Reply]]

#: JSON over this size is read in a thread: a megabyte takes milliseconds.
_LARGE = 256 * 1024
#: So many embeddings are written in a thread.
_MANY = 32
DONE = b"data: [DONE]\n\n"


class OpenAI:
    """Answers with those models that have `inferry.openai`'s attribute."""

    def __init__(self, services: Services, answering: Answering) -> None:
        self._models = services.models
        self._settings = services.settings
        self._answering = answering
        self.handlers: Mapping[Kind, Handler] = {
            "openai": self._answer,
            "openai_model": self._model,
            "openai_models": self._list,
        }

    async def _answer(self, request: Request, route: Route) -> Reply:
        call = self._answering.begin(route, request.headers)
        try:
            body = await request.body(
                self._settings.max_body_bytes, self._settings.read_timeout
            )
            call.size = len(body)
            call.read = perf_counter_ns()
            asked = await _parsed(body)
            model = await self._named(asked)
            asked["model"] = model.name
            route = route._replace(model=model.name)
            self._answering.copy_request(call, route, body)
            answer = await unless_gone(request, _answered(model, route, asked, call))
        except (ClientGone, asyncio.CancelledError):
            self._answering.gone(call, route)
            raise
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            return self._answering.failed(call, route, error)
        if isinstance(answer, bytes):
            return await self._answering.later(call, route, _whole(answer))

        def end(code: int, sent: int) -> None:
            self._answering.streamed(call, route, code, sent)

        return Stream(request, answer, end, given_id(call), word=_event, last=DONE)

    async def _named(self, asked: Mapping[str, Any]) -> LoadedModel:
        name = asked.get("model")
        if name is None:
            return self._only()
        if not isinstance(name, str):
            raise InvalidParameter(
                f"'model' is {values.kind(name)}, expected the name of a model",
                param="model",
            )
        try:
            return await self._models.awake(name)
        except ModelNotFound as error:
            raise UnknownModel(error.message, remedy=error.remedy) from None

    def _only(self) -> LoadedModel:
        able = [model for model in self._models.serving() if model.openai]
        if len(able) == 1:
            return able[0]
        raise InvalidParameter(
            "the body has no 'model', and this server has not just one", param="model"
        )

    def _list(self, _request: Request, _route: Route) -> Response:
        return document(models_of(self._models.serving()))

    def _model(self, _request: Request, route: Route) -> Response:
        try:
            return document(described(self._models.get(route.model)))
        except ModelNotFound as error:
            raise UnknownModel(error.message) from None


def models_of(models: Iterable[LoadedModel]) -> dict[str, Any]:
    """Return *models* as OpenAI lists them; a gateway says the same of its own."""
    found = sorted(models, key=lambda model: model.name)
    return {"object": "list", "data": [described(model) for model in found]}


def described(model: LoadedModel) -> dict[str, Any]:
    """Return what OpenAI tells of a *model*."""
    return {
        "id": model.name,
        "object": "model",
        "created": 0,  # the same at every replica, and at a gateway that knows none
        "owned_by": "inferry",
    }


async def _parsed(body: memoryview) -> dict[str, Any]:
    asked = (
        v1.parse(body)
        if len(body) <= _LARGE
        else await asyncio.to_thread(v1.parse, body)
    )
    if not isinstance(asked, dict):
        raise InvalidInput(
            f"the body is {values.kind(asked)}, expected an object with 'model'"
        )
    return asked


async def _answered(
    model: LoadedModel, route: Route, asked: dict[str, Any], call: Call
) -> bytes | AsyncGenerator[bytes, None]:
    """Return the JSON of the answer; or its events, where the first is there."""
    answer = await model.openai.answer(route.operation, asked, call)
    if isinstance(answer, Mapping):
        return await _dumped(answer, model.name)
    events = _events(answer, model.name)
    try:
        first = await anext(events, None)
    except BaseException:
        await events.aclose()
        raise
    return _rest(first, events)


async def _dumped(answer: Mapping[str, Any], name: str) -> bytes:
    if len(answer.get("data", ())) > _MANY:
        return await asyncio.to_thread(v2.dump, answer, name)
    return v2.dump(answer, name)


async def _events(
    answers: AsyncGenerator[Mapping[str, Any], None], name: str
) -> AsyncGenerator[bytes, None]:
    async with aclosing(answers):
        async for answer in answers:
            yield event(v2.dump(answer, name))


async def _rest(
    first: bytes | None, events: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        if first is None:
            return
        yield first
        async for piece in events:
            yield piece


async def _whole(answer: bytes) -> Response:
    return Response(200, [answer])


def _event(error: Exception) -> tuple[int, bytes]:
    code, content, _ = worded(error, "a stream")
    return code, event(v2.dump(content, ""))
