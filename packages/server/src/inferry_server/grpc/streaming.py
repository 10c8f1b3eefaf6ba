"""``ModelStreamInfer``: many requests and their answers over one stream.

Requests are worked on side by side. The answers of models with one answer each come in
the order of their requests; those of a model that streams go out as it gives them. A
request that fails is told of in the stream, which goes on.
Source: Triton, ``grpc_service.proto`` and "Decoupled Backends and Models".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from grpc import StatusCode

from inferry.errors import InvalidInput
from inferry_server.grpc import requests, wire
from inferry_server.grpc.errors import status_of
from inferry_server.grpc.inference import headers_of, is_slow_to_read, made, trailing
from inferry_server.grpc.messages import message
from inferry_server.passing.rpc import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry_server.calls import Call
    from inferry_server.grpc.inference import Inference
    from inferry_server.loaded import LoadedModel
    from inferry_server.passing.passing import Passing
    from inferry_server.passing.rpc import Relay

    Turn = asyncio.Future[None]

#: So many requests of one stream are worked on at a time; more are not read.
_AT_ONCE = 64
_RPC = "ModelStreamInfer"
_RESPONSE = 2
_ASKS_FOR_FINAL = "triton_enable_empty_final_response"
_FINAL = "triton_final_response"
#: With this metadata an error ends the stream as its status, as with Triton.
_STRICT = "triton_grpc_error"
_STOPPING = "the server is stopping"

_ModelInferResponse = message("ModelInferResponse")
_ModelStreamInferResponse = message("ModelStreamInferResponse")


def _flag(*, final: bool) -> bytes:
    """Return what makes an answer final, or not, when it is put behind its bytes."""
    made = _ModelInferResponse()
    made.parameters[_FINAL].bool_param = final
    written: bytes = made.SerializeToString()
    return written


_IS_FINAL = _flag(final=True)
_IS_NOT_FINAL = _flag(final=False)


class Streaming:
    """Answers streams with *inference* until `close`."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Take no more requests; what is in flight is still answered."""
        self._closing.set()

    async def infer(self, bodies: AsyncIterator[bytes], context: Any) -> None:  # noqa: ANN401 - grpc's
        """Answer the ``ModelInferRequest`` in each of *bodies*."""
        await _Stream(self._inference, context).run(bodies, self._closing)


class _Stream:
    """One open stream."""

    def __init__(self, inference: Inference, context: Any) -> None:  # noqa: ANN401 - grpc's
        self._inference = inference
        self._context = context
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()
        self._last: Turn | None = None
        self._relays: dict[tuple[Passing, str], Relay] = {}
        self._strict = headers_of(context).get(_STRICT) == "true"
        self._failed: asyncio.Future[tuple[StatusCode, str]] = (
            asyncio.get_running_loop().create_future()
        )

    async def run(self, bodies: AsyncIterator[bytes], closing: asyncio.Event) -> None:
        """Answer until the client has no more, or the server stops."""
        reading = asyncio.create_task(self._read(bodies))
        stopping = asyncio.create_task(closing.wait())
        ends: set[asyncio.Future[Any]] = {reading, stopping, self._failed}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            else:
                reading.cancel()
            while self._tasks and not self._failed.done():
                ends = {*self._tasks, self._failed}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                await self._context.abort(*self._failed.result())
            if not reading.done() or reading.cancelled():
                await self._context.abort(StatusCode.UNAVAILABLE, _STOPPING)
        finally:
            left = {reading, stopping, *self._tasks}
            for task in left:
                task.cancel()
            self._failed.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for relay in self._relays.values():
                await relay.close()

    async def _read(self, bodies: AsyncIterator[bytes]) -> None:
        async for body in bodies:
            await self._room.acquire()
            task = asyncio.create_task(self._take(body, *self._turn()))
            self._tasks.add(task)
            task.add_done_callback(self._taken)

    def _turn(self) -> tuple[Turn | None, Turn]:
        before, self._last = self._last, asyncio.get_running_loop().create_future()
        return before, self._last

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()
        if not task.cancelled():
            task.exception()  # that it cannot be sent: the client has left

    async def _take(self, body: bytes, before: Turn | None, turn: Turn) -> None:
        """Answer the request in *body*; its one answer waits for the turn *before*."""
        call = self._inference.begin(self._context, _RPC, len(body))
        self._context.set_trailing_metadata(trailing(call))
        name, identity, sent, status = "", "", 0, 499
        try:
            try:
                self._inference.check_room()
                parsed, raws = requests.parse(body)
                name, identity = parsed.model_name, parsed.id
                self._inference.copy_request(call, name, body)
                model = await self._inference.awake(parsed)
                if model.passing is not None:
                    before = None
                    turn.set_result(None)
                    sent = await self._pass_on(call, model.passing, parsed, body)
                elif hasattr(model.instance, "stream"):
                    before = None
                    turn.set_result(None)
                    sent = await self._decoupled(call, model, parsed, raws)
                else:
                    answer = self._inference.answer(call, body, parsed, raws)
                    written = await answer if isinstance(answer, Awaitable) else answer
                    self._inference.copy_response(call, name, written)
                    sent = await self._send_in_turn(written, before)
                status = 200
            except Exception as error:  # noqa: BLE001 - each becomes a text
                if self._context.done():
                    return  # the client has left, which is not the server's error
                told = call.within(status_of, error, f"{_RPC} of {name[:200]}")
                status = told[0]
                await self._tell(told, identity, before)
        finally:
            if not turn.done():
                turn.set_result(None)
            self._inference.end(call, name, status, sent=sent)

    async def _pass_on(
        self,
        call: Call,
        passing: Passing,
        parsed: Any,  # noqa: ANN401 - a ModelInferRequest
        body: bytes,
    ) -> int:
        """Pass *body* on, and its answers back; return the bytes of those."""
        # Triton 2.51 aborts where decoupled models and others share a stream.
        key = (passing, parsed.model_name)
        relay = self._relays.get(key)
        if relay is None or relay.is_lost:
            relay = self._relays[key] = passing.relay(call, self._send_as_it_is)
        wants_final = _wants_final(parsed)
        asked = Asked(body, parsed.model_name, parsed.id, wants_final)
        return await passing.relayed(relay, call, asked)

    async def _send_as_it_is(self, written: bytes) -> int:
        async with self._writing:
            await self._context.write(written)
        return len(written)

    async def _decoupled(
        self,
        call: Call,
        model: LoadedModel,
        parsed: Any,  # noqa: ANN401 - a ModelInferRequest
        raws: Any,  # noqa: ANN401 - of requests.parse
    ) -> int:
        """Send each answer of a model that streams; return the bytes of all."""
        wants_final = _wants_final(parsed)
        read = self._inference.read
        if is_slow_to_read(call, parsed, raws):
            request = await asyncio.to_thread(read, parsed, raws)
        else:
            request = read(parsed, raws)
        sent = 0
        answers = model.stream(made(model, request, call), call)
        async with contextlib.aclosing(answers):
            async for response in answers:
                written = self._inference.write(model, request, response)
                sent += await self._send(written + _IS_NOT_FINAL)
        if wants_final:
            empty = _ModelInferResponse(
                model_name=model.name,
                model_version=model.shown_version(request.version) or "",
                id=request.id,
            )
            sent += await self._send(empty.SerializeToString() + _IS_FINAL)
        return sent

    async def _send_in_turn(self, written: bytes, before: Turn | None) -> int:
        if before is not None:
            await asyncio.shield(before)
        return await self._send(written + _IS_FINAL)

    async def _send(self, written: bytes) -> int:
        whole = wire.prefix(_RESPONSE, len(written)) + written
        async with self._writing:
            await self._context.write(whole)
        return len(whole)

    async def _tell(
        self, told: tuple[int, StatusCode, str], identity: str, before: Turn | None
    ) -> None:
        """Send what a client is *told* of an error that ended a request."""
        _, code, text = told
        if self._strict:
            if not self._failed.done():
                self._failed.set_result((code, text))
            return
        answer = _ModelStreamInferResponse(error_message=text)
        answer.infer_response.id = identity
        if before is not None:
            await asyncio.shield(before)
        async with self._writing:
            await self._context.write(answer.SerializeToString())


def _wants_final(parsed: Any) -> bool:  # noqa: ANN401 - a ModelInferRequest
    if _ASKS_FOR_FINAL not in parsed.parameters:
        return False
    parameter = parsed.parameters[_ASKS_FOR_FINAL]
    if parameter.WhichOneof("parameter_choice") != "bool_param":
        raise InvalidInput(f"the parameter {_ASKS_FOR_FINAL!r} is no bool_param")
    return bool(parameter.bool_param)
