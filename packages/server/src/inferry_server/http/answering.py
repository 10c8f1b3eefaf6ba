"""One inference request over HTTP, from its body to its response.

Every lane comes through here, so that they answer alike byte for byte. What can be
answered at once is: a response is returned, not awaited.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import msgspec

from inferry_server.http.cloudevents import CloudEvents
from inferry_server.http.compression import packed
from inferry_server.http.errors import error_response
from inferry_server.http.exchange import Response
from inferry_server.http.generate import Generation
from inferry_server.http.inference import Inference
from inferry_server.http.openai_errors import openai_error
from inferry_server.memory import ModelAsleep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from inferry_server.calls import Call, Calls, Protocol
    from inferry_server.codec.shared_memory import SharedMemory
    from inferry_server.http.routes import Kind, Route
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings

    Handler = Callable[[Call, Route, memoryview], Response | Awaitable[Response]]

#: The status, beyond HTTP's own, of a call whose client did not wait for the answer.
CLIENT_LEFT = 499
_OK = 200
#: The routes that infer, and the protocol that each is of.
PROTOCOLS: Mapping[Kind, Protocol] = {
    "explain_v1": "v1",
    "generate": "v2",
    "infer": "v2",
    "predict_v1": "v1",
}
#: Those that may stream, which only the usual way does.
_STREAMED: Mapping[Kind, Protocol] = {"generate_stream": "v2", "openai": "openai"}


class Answering:
    """Answers the inference requests of *models*; *calls* hears of each."""

    def __init__(
        self,
        models: Models,
        settings: ServerSettings,
        calls: Calls,
        memory: SharedMemory | None = None,
    ) -> None:
        self._models = models
        self._calls = calls
        self._payloads = calls.payloads
        self._timeout = settings.request_timeout
        inference = Inference(models, settings, memory)
        events = CloudEvents(settings)
        self._handlers: Mapping[Kind, Handler] = {
            "explain_v1": events.around(inference.explain_v1),
            "generate": Generation(models, settings).generate,
            "infer": inference.infer,
            "predict_v1": events.around(inference.predict_v1),
        }

    def check(self, route: Route) -> None:
        """Refuse a route whose model cannot answer, before its body is read.

        Raises:
            ModelNotFound: There is none of that name or version.
            ModelNotReady: It does not serve yet, or no more.

        """
        with contextlib.suppress(ModelAsleep):
            self._models.get(route.model, route.version)

    def begin(self, route: Route, headers: Mapping[str, str]) -> Call:
        """Return the call of a request whose head is there."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        protocol = _STREAMED.get(route.kind) or PROTOCOLS[route.kind]
        return self._calls.begin(protocol, headers, deadline=deadline, target=route)

    def answer(
        self, call: Call, route: Route, body: memoryview
    ) -> Response | Coroutine[Any, Any, Response]:
        """Return the response, or what to await for it; neither raises.

        Cancelling what is awaited drops the call.
        """
        call.size = len(body)
        try:
            if self._payloads.active:
                self.copy_request(call, route, body)
            response = self._handlers[route.kind](call, route, body)
        except ModelAsleep as asleep:
            return self.later(call, route, self._woken(asleep, call, route, body))
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            return self.failed(call, route, error)
        if not isinstance(response, Response):
            return self.later(call, route, response)
        if self._payloads.active:
            self._copy(call, route, response)
        if "accept-encoding" in call.headers:
            answer = packed(response, call.headers)
            if not isinstance(answer, Response):
                return self.later(call, route, answer, is_plain=False)
            response = answer
        return self._told(call, route.model, response)

    async def _woken(
        self, asleep: ModelAsleep, call: Call, route: Route, body: memoryview
    ) -> Response:
        await asleep.wake()
        response = self._handlers[route.kind](call, route, body)
        return response if isinstance(response, Response) else await response

    async def later(
        self,
        call: Call,
        route: Route,
        answer: Awaitable[Response],
        *,
        is_plain: bool = True,
    ) -> Response:
        """Return the response that *answer* gives; it does not raise."""
        try:
            response = await answer
            if is_plain:
                self._copy(call, route, response)
                packing = packed(response, call.headers)
                response = packing if isinstance(packing, Response) else await packing
        except asyncio.CancelledError:
            self.gone(call, route)
            raise
        except Exception as error:  # noqa: BLE001 - as above
            return self.failed(call, route, error)
        return self.ended(call, route, response)

    def copy_request(self, call: Call, route: Route, body: memoryview) -> None:
        """Show *body* to the payload log of its model, where it has one."""
        if self._payloads.active:
            self._payloads.request(call, route.model, body)

    def _copy(self, call: Call, route: Route, response: Response) -> None:
        if self._payloads.active and response.status == _OK:
            self._payloads.response(
                call,
                route.model,
                response.parts,
                response.content_type.decode(),
                response.headers,
            )

    def gone(self, call: Call, route: Route) -> None:
        """Tell all that *call* ended because its client left."""
        self._calls.end(call, self._label(route), CLIENT_LEFT, received=call.size)

    def streamed(self, call: Call, route: Route, code: int, sent: int) -> None:
        """Tell all that *call* ended with *code* after a stream of *sent* bytes."""
        label = self._label(route)
        self._calls.end(call, label, code, received=call.size, sent=sent)

    def failed(self, call: Call, route: Route, error: Exception) -> Response:
        """Return the response that tells of *error*, which ended *call*."""
        where = f"{route.kind} of {route.model[:200]}"
        response = openai_error if route.kind == "openai" else error_response
        return self.ended(call, route, call.within(response, error, where))

    def ended(self, call: Call, route: Route, response: Response) -> Response:
        """Return the *response* that ends *call*, once all have heard of it."""
        return self._told(call, self._label(route), response)

    def _told(self, call: Call, model: str, response: Response) -> Response:
        sent = response.size
        self._calls.end(call, model, response.status, received=call.size, sent=sent)
        if "x-request-id" in call.headers:
            headers = (*response.headers, *given_id(call))
            return msgspec.structs.replace(response, headers=headers)
        return response

    def _label(self, route: Route) -> str:
        # What clients invent must not become labels.
        return route.model if route.model in self._models else ""


def given_id(call: Call) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that gives the client its request's id back, if it has one."""
    if "x-request-id" in call.headers and call.id:
        return ((b"x-request-id", call.id.encode()),)
    return ()
