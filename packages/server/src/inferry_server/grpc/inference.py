"""``ModelInfer``: one request from its bytes to the bytes of its answer."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from inferry.errors import Overloaded
from inferry.model import InferResponse
from inferry_server.grpc import requests, responses
from inferry_server.grpc.errors import refuse
from inferry_server.grpc.kept import Kept
from inferry_server.memory import ModelAsleep
from inferry_server.payload_log.logs import PROTOBUF
from inferry_server.scheduling import take_schedule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inferry.model import InferRequest
    from inferry_server.calls import Call, Calls
    from inferry_server.grpc.requests import Request
    from inferry_server.loaded import LoadedModel
    from inferry_server.services import Services

#: Typed contents and BYTES over this size are read and written in a thread: each value
#: of them is an object of Python's for a moment.
_LARGE = 256 * 1024
#: All requests together may take so many times what one may.
_TOGETHER = 16
_BYTES = "BYTES"
_REQUEST_ID = "x-request-id"


class Inference:
    """Answers with the models of *services*; *calls* hears of each request."""

    def __init__(
        self,
        services: Services,
        calls: Calls,
    ) -> None:
        self._models = services.models
        self._calls = calls
        self._payloads = calls.payloads
        self._timeout = services.settings.request_timeout
        self._max_elements = services.settings.max_elements
        self._memory = services.memory
        self._room = _TOGETHER * services.settings.max_message_bytes
        self._held = 0
        self._kept = Kept(self._max_elements)

    async def infer(self, body: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc's
        """Answer the ``ModelInferRequest`` in *body*."""
        call = self.begin(context, "ModelInfer", len(body))
        name = ""
        try:
            self.check_room()
            request = self._kept.find(body)
            begin: Callable[[], bytes | Awaitable[bytes]]
            if request is None:
                parsed, raws = requests.parse(body)
                name = parsed.model_name
                begin = partial(self.answer, call, body, parsed, raws)
            else:
                name = request.model
                begin = partial(self._answer_again, call, request)
            self.copy_request(call, name, body)
            try:
                answer = begin()
            except ModelAsleep as asleep:
                await asleep.wake()
                answer = begin()
            sent = answer if isinstance(answer, bytes) else await answer
            self.copy_response(call, name, sent)
        except asyncio.CancelledError:
            self.end(call, name, 499)
            raise
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            where = f"ModelInfer of {name[:200]}"
            status = call.within(refuse, context, error, where, trailing(call))
            self.end(call, name, status)
            return b""
        metadata = trailing(call)
        if metadata:
            context.set_trailing_metadata(metadata)
        self.end(call, name, 200, sent=len(sent))
        return sent

    def begin(self, context: Any, rpc: str, size: int) -> Call:  # noqa: ANN401 - grpc's
        """Return the call of a request for *rpc* of *size* bytes; `end` must follow."""
        left = context.time_remaining()
        if self._timeout is not None and (left is None or left > self._timeout):
            left = self._timeout
        deadline = None if left is None else time.monotonic() + left
        headers = headers_of(context)
        call = self._calls.begin("grpc", headers, deadline=deadline, target=rpc)
        call.size = size
        self._held += size
        return call

    def check_room(self) -> None:
        """Refuse a request where those that are held are too large together.

        Raises:
            Overloaded: They are.

        """
        if self._held > self._room:
            raise Overloaded(
                "the server holds too many large requests at once; try again later"
            )

    def end(self, call: Call, name: str, code: int, *, sent: int = 0) -> None:
        """Record the end of *call*, which asked for the model *name*."""
        self._held -= call.size
        # What clients invent must not become labels.
        label = name if name in self._models else ""
        self._calls.end(call, label, code, received=call.size, sent=sent)

    def copy_request(self, call: Call, name: str, body: bytes) -> None:
        """Show *body* to the payload log of the model *name*, where it has one."""
        if self._payloads.active:
            self._payloads.request(call, name, body, PROTOBUF)

    def copy_response(self, call: Call, name: str, body: bytes) -> None:
        """Show the answer *body* to the payload log of the model *name*."""
        if self._payloads.active:
            self._payloads.response(call, name, (body,), PROTOBUF)

    def model(self, parsed: Any) -> LoadedModel:  # noqa: ANN401 - a ModelInferRequest
        """Return the model that *parsed* names.

        Raises:
            ModelNotFound: No such model or version.
            ModelNotReady: It does not serve.

        """
        return self._models.get(parsed.model_name, parsed.model_version or None)

    def _answer_again(self, call: Call, request: Request) -> bytes | Awaitable[bytes]:
        model = self._models.get(request.model, request.version)
        return self._predict(call, model, request)

    async def awake(self, parsed: Any) -> LoadedModel:  # noqa: ANN401 - as above
        """Return the model that *parsed* names, loaded again where it sleeps."""
        name, version = parsed.model_name, parsed.model_version or None
        return await self._models.awake(name, version)

    def answer(
        self,
        call: Call,
        body: bytes,
        parsed: Any,  # noqa: ANN401 - a ModelInferRequest
        raws: Any,  # noqa: ANN401 - of requests.parse
    ) -> bytes | Awaitable[bytes]:
        """Return the ``ModelInferResponse``, or what to await for it."""
        model = self.model(parsed)
        if model.passing is not None:
            return model.passing.infer(call, parsed.model_name, body)
        if is_slow_to_read(call, parsed, raws):
            return self._answer_large(call, model, parsed, raws)
        request = self.read(parsed, raws)
        self._kept.keep(body, parsed, raws, request)
        return self._predict(call, model, request)

    def _predict(
        self, call: Call, model: LoadedModel, request: Request
    ) -> bytes | Awaitable[bytes]:
        answer = model.predict(made(model, request, call), call)
        if not isinstance(answer, InferResponse):
            return self._later(model, request, answer)
        return self._maybe_in_thread(model, request, answer)

    async def _answer_large(
        self,
        call: Call,
        model: LoadedModel,
        parsed: Any,  # noqa: ANN401 - a ModelInferRequest
        raws: Any,  # noqa: ANN401 - of requests.parse
    ) -> bytes:
        request = await asyncio.to_thread(self.read, parsed, raws)
        answer = model.predict(made(model, request, call), call)
        if not isinstance(answer, InferResponse):
            return await self._later(model, request, answer)
        return await asyncio.to_thread(self.write, model, request, answer)

    async def _later(
        self, model: LoadedModel, request: Request, answer: Awaitable[InferResponse]
    ) -> bytes:
        written = self._maybe_in_thread(model, request, await answer)
        return written if isinstance(written, bytes) else await written

    def _maybe_in_thread(
        self, model: LoadedModel, request: Request, response: InferResponse
    ) -> bytes | Awaitable[bytes]:
        if is_slow_to_write(request, response):
            return asyncio.to_thread(self.write, model, request, response)
        return self.write(model, request, response)

    def read(self, parsed: Any, raws: Any) -> Request:  # noqa: ANN401 - of requests.parse
        """Return the decoded request."""
        return requests.decode(
            parsed, raws, max_elements=self._max_elements, memory=self._memory
        )

    def write(
        self,
        model: LoadedModel,
        request: Request,
        response: InferResponse,
    ) -> bytes:
        """Return the bytes of *response*."""
        return responses.encode(
            response,
            request,
            model=model.name,
            version=model.shown_version(request.version),
            memory=self._memory,
        )


def is_slow_to_read(
    call: Call,
    parsed: Any,  # noqa: ANN401 - a ModelInferRequest
    raws: Any,  # noqa: ANN401 - of requests.parse
) -> bool:
    """Say whether a request is better read in a thread."""
    if call.size <= _LARGE:
        return False
    return not raws or any(item.datatype == _BYTES for item in parsed.inputs)


def is_slow_to_write(request: Request, response: InferResponse) -> bool:
    """Say whether an answer is better written in a thread."""
    size = 0
    for tensor in response.outputs:
        if request.typed or tensor.datatype == _BYTES:
            size += tensor.data.nbytes
    return size > _LARGE


def made(model: LoadedModel, request: Request, call: Call) -> InferRequest:
    """Return what *model* gets of *request*, and bound *call* as it asks."""
    if request.parameters:
        take_schedule(call, request.parameters)
    return model.request(
        request.inputs,
        call,
        outputs=request.wanted.names,
        parameters=request.parameters,
        id=request.id or None,
        version=request.version,
    )


def headers_of(context: Any) -> dict[str, str]:  # noqa: ANN401 - grpc's
    """Return the metadata of a call; what is not text is left out."""
    return {
        key: value
        for key, value in context.invocation_metadata()
        if isinstance(value, str)
    }


def trailing(call: Call) -> tuple[tuple[str, str], ...]:
    """Return the metadata that ends *call*: its id, where the client gave one."""
    if _REQUEST_ID in call.headers and call.id:
        return ((_REQUEST_ID, call.id),)
    return ()
