"""The inference routes: V2 infer, V1 predict and explain."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

from inferry.model import InferRequest
from inferry_server.codec import signature, v1, v2
from inferry_server.http.exchange import BINARY, JSON, ClientGone, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from inferry.model import Tensor
    from inferry_server.http.exchange import Request
    from inferry_server.http.routes import Route
    from inferry_server.loaded import LoadedModel
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings

T = TypeVar("T")
#: A body over this size is decoded in a thread: a megabyte of JSON takes milliseconds.
_LARGE = 256 * 1024


class Inference:
    """Answers the inference requests of *models*."""

    def __init__(self, models: Models, settings: ServerSettings) -> None:
        self._models = models
        self._settings = settings

    async def infer(self, request: Request, route: Route) -> Response:
        """Answer ``POST /v2/models/{m}[/versions/{v}]/infer``."""
        model = self._models.get(route.model, route.version)
        deadline = self._deadline()
        json_length = request.json_length
        body = await self._body(request, align_at=json_length or 0)
        decoded = await _maybe_in_thread(len(body), v2.decode, body, json_length)
        call = self._request(
            model,
            request,
            decoded.inputs,
            outputs=decoded.wanted.names,
            parameters=decoded.parameters,
            id=decoded.id,
            model_version=route.version,
            deadline=deadline,
        )
        response = await unless_gone(request, model.predict(call))
        size = sum(tensor.data.nbytes for tensor in response.outputs)
        answer = await _maybe_in_thread(
            size,
            lambda: v2.encode(
                response,
                decoded.wanted,
                model=model.name,
                version=route.version or (model.metadata.versions or (None,))[-1],
                request_id=decoded.id,
            ),
        )
        return _v2_response(answer)

    async def predict_v1(self, request: Request, route: Route) -> Response:
        """Answer ``POST /v1/models/{m}:predict``."""
        model = self._models.get(route.model)
        if not model.takes_raw_v1:
            return await self._v1(request, model, model.predict, "predictions")
        deadline = self._deadline()
        document = v1.parse(await self._body(request))
        answer = await unless_gone(request, model.predict_v1(document, deadline))
        return Response(200, [v2.dump(answer, model.name)])

    async def explain_v1(self, request: Request, route: Route) -> Response:
        """Answer ``POST /v1/models/{m}:explain``."""
        model = self._models.get(route.model)
        return await self._v1(request, model, model.explain, "explanations")

    async def _v1(
        self,
        request: Request,
        model: LoadedModel,
        method: Callable[[InferRequest], Coroutine[Any, Any, Any]],
        key: str,
    ) -> Response:
        deadline = self._deadline()
        body = await self._body(request)
        decoded = await _maybe_in_thread(len(body), v1.decode, body, model.metadata)
        call = self._request(
            model,
            request,
            decoded.inputs,
            parameters=decoded.parameters,
            deadline=deadline,
        )
        response = await unless_gone(request, method(call))
        size = sum(tensor.data.nbytes for tensor in response.outputs)
        text = await _maybe_in_thread(
            size, lambda: v2.dump(v1.encode(response, key), model.name)
        )
        return Response(200, [text])

    def _request(
        self,
        model: LoadedModel,
        request: Request,
        inputs: tuple[Tensor, ...],
        **rest: Any,  # noqa: ANN401 - the fields of InferRequest
    ) -> InferRequest:
        allowed = self._settings.forwarded_headers
        headers = request.headers
        if not model.checks_inputs:
            inputs = signature.check_inputs(inputs, model.metadata, model.name)
        return InferRequest(
            inputs=inputs,
            headers={name: headers[name] for name in allowed if name in headers},
            model_name=model.name,
            **rest,
        )

    async def _body(self, request: Request, align_at: int = 0) -> memoryview:
        settings = self._settings
        return await request.body(
            settings.max_body_bytes, settings.read_timeout, align_at
        )

    def _deadline(self) -> float | None:
        timeout = self._settings.request_timeout
        return None if timeout is None else time.monotonic() + timeout


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* gives; cancel it when the client leaves before.

    Raises:
        ClientGone: The client left.

    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(request.gone())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # of a client that left: nobody's


async def _maybe_in_thread(size: int, function: Callable[..., T], *args: object) -> T:
    """Call *function* here, or in a thread if *size* bytes would hold up the loop."""
    if size <= _LARGE:
        return function(*args)
    return await asyncio.to_thread(function, *args)


def _v2_response(body: v2.Body) -> Response:
    if body.json_length is None:
        return Response(200, body.parts, JSON)
    length = (b"inference-header-content-length", str(body.json_length).encode())
    return Response(200, body.parts, BINARY, (length,))
