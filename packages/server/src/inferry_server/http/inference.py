"""The inference routes: V2 infer, V1 predict and explain."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from inferry.errors import InvalidInput
from inferry.model import InferResponse
from inferry_server.codec import v1, v2
from inferry_server.http.exchange import BINARY, JSON, Response
from inferry_server.scheduling import take_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_server.calls import Call
    from inferry_server.codec.shared_memory import SharedMemory
    from inferry_server.http.routes import Route
    from inferry_server.loaded import Answer, LoadedModel
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings

T = TypeVar("T")
#: JSON over this size is read and written in a thread: a megabyte takes milliseconds.
_LARGE = 256 * 1024
#: A body over this size is read in a thread whatever it holds.
_HUGE = 4 * 1024 * 1024
_LENGTH = "inference-header-content-length"
_NUMBER = re.compile(r"[0-9]{1,18}\Z")


def json_length(headers: Mapping[str, str]) -> int | None:
    """Return how much of a body is JSON, where binary tensor data follows it.

    Raises:
        InvalidInput: The header is no number.

    """
    text = headers.get(_LENGTH)
    if text is None:
        return None
    if not _NUMBER.match(text):
        raise InvalidInput(
            f"Inference-Header-Content-Length is {text[:40]!r}, expected a number of "
            "bytes"
        )
    return int(text)


class Inference:
    """Answers with the models of *models*, at once where the model is quick."""

    def __init__(
        self,
        models: Models,
        settings: ServerSettings,
        memory: SharedMemory | None = None,
    ) -> None:
        self._models = models
        self._max_elements = settings.max_elements
        self._memory = memory

    def infer(
        self, call: Call, route: Route, body: memoryview
    ) -> Response | Awaitable[Response]:
        """Answer ``POST /v2/models/{m}[/versions/{v}]/infer``."""
        model = self._models.get(route.model, route.version)
        if model.passing is not None:
            return model.passing.answer(call, route, body)
        length = json_length(call.headers) if _LENGTH in call.headers else None
        if len(body) > _LARGE and _is_slow(body, length):
            return self._infer_large(model, call, route, body, length)
        decoded = self._decode(body, length)
        answer = self._predict(model, call, route, decoded)
        if not isinstance(answer, InferResponse):
            return self._infer_later(model, route, decoded, answer)
        if _size(answer) > _LARGE and _json_size(answer, decoded.wanted) > _LARGE:
            return asyncio.to_thread(self._encode, model, route, decoded, answer)
        return self._encode(model, route, decoded, answer)

    def _decode(self, body: memoryview, length: int | None) -> v2.Request:
        return v2.decode(
            body, length, max_elements=self._max_elements, memory=self._memory
        )

    def _predict(
        self, model: LoadedModel, call: Call, route: Route, decoded: v2.Request
    ) -> Answer:
        if decoded.parameters:
            take_schedule(call, decoded.parameters)
        request = model.request(
            decoded.inputs,
            call,
            outputs=decoded.wanted.names,
            parameters=decoded.parameters,
            id=decoded.id,
            version=route.version,
        )
        return model.predict(request, call)

    async def _infer_large(
        self,
        model: LoadedModel,
        call: Call,
        route: Route,
        body: memoryview,
        length: int | None,
    ) -> Response:
        decoded = await asyncio.to_thread(self._decode, body, length)
        answer = self._predict(model, call, route, decoded)
        return await self._infer_later(model, route, decoded, answer)

    async def _infer_later(
        self,
        model: LoadedModel,
        route: Route,
        decoded: v2.Request,
        answer: Answer,
    ) -> Response:
        response = await answer if isinstance(answer, Awaitable) else answer
        size = _json_size(response, decoded.wanted)
        return await _maybe_in_thread(
            size, self._encode, model, route, decoded, response
        )

    def _encode(
        self,
        model: LoadedModel,
        route: Route,
        decoded: v2.Request,
        response: InferResponse,
    ) -> Response:
        body = v2.encode(
            response,
            decoded.wanted,
            model=model.name,
            version=model.shown_version(route.version),
            request_id=decoded.id,
            memory=self._memory,
        )
        if body.json_length is None:
            return Response(200, body.parts, JSON)
        length = (_LENGTH.encode(), b"%d" % body.json_length)
        return Response(200, body.parts, BINARY, (length,))

    def predict_v1(
        self, call: Call, route: Route, body: memoryview
    ) -> Response | Awaitable[Response]:
        """Answer ``POST /v1/models/{m}:predict``."""
        model = self._models.get(route.model)
        if not model.takes_raw_v1:
            return self._v1(model, model.predict, call, body, "predictions")
        answer = model.predict_v1(v1.parse(body), call)
        if isinstance(answer, Awaitable):
            return _raw_v1_later(model, answer)
        return Response(200, [v2.dump(answer, model.name)])

    def explain_v1(
        self, call: Call, route: Route, body: memoryview
    ) -> Response | Awaitable[Response]:
        """Answer ``POST /v1/models/{m}:explain``."""
        model = self._models.get(route.model)
        return self._v1(model, model.explain, call, body, "explanations")

    def _v1(
        self,
        model: LoadedModel,
        method: Callable[..., Answer],
        call: Call,
        body: memoryview,
        key: str,
    ) -> Response | Awaitable[Response]:
        if len(body) > _LARGE:
            return self._v1_large(model, method, call, body, key)
        decoded = v1.decode(body, model.metadata, max_elements=self._max_elements)
        request = model.request(decoded.inputs, call, parameters=decoded.parameters)
        answer = method(request, call)
        if not isinstance(answer, InferResponse):
            return _v1_later(model, answer, key)
        if _size(answer) > _LARGE:
            return asyncio.to_thread(_v1, model, answer, key)
        return _v1(model, answer, key)

    async def _v1_large(
        self,
        model: LoadedModel,
        method: Callable[..., Answer],
        call: Call,
        body: memoryview,
        key: str,
    ) -> Response:
        decoded = await asyncio.to_thread(
            v1.decode, body, model.metadata, max_elements=self._max_elements
        )
        request = model.request(decoded.inputs, call, parameters=decoded.parameters)
        return await _v1_later(model, method(request, call), key)


def _v1(model: LoadedModel, response: InferResponse, key: str) -> Response:
    return Response(200, [v2.dump(v1.encode(response, key), model.name)])


async def _v1_later(model: LoadedModel, answer: Answer, key: str) -> Response:
    response = await answer if isinstance(answer, Awaitable) else answer
    return await _maybe_in_thread(_size(response), _v1, model, response, key)


async def _raw_v1_later(model: LoadedModel, answer: Awaitable[Any]) -> Response:
    return Response(200, [v2.dump(await answer, model.name)])


def _size(response: InferResponse) -> int:
    size = 0
    for tensor in response.outputs:
        size += tensor.data.nbytes
    return size


def _is_slow(body: memoryview, json_length: int | None) -> bool:
    """Say whether to read a large *body* would hold up the loop for milliseconds."""
    if json_length is None or json_length > _LARGE or len(body) > _HUGE:
        return True
    # Each text becomes an object: a megabyte of them takes a hundred milliseconds.
    return b'"BYTES"' in bytes(body[:json_length])


def _json_size(response: InferResponse, wanted: v2.Wanted) -> int:
    return sum(
        tensor.data.nbytes
        for tensor in response.outputs
        if not wanted.is_binary(tensor.name)
    )


async def _maybe_in_thread(size: int, function: Callable[..., T], *args: object) -> T:
    """Call *function* here, or in a thread if *size* bytes would hold up the loop."""
    if size <= _LARGE:
        return function(*args)
    return await asyncio.to_thread(function, *args)
