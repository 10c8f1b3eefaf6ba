"""gRPC to one server: messages as bytes, and streams that stay in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

from inferry.errors import ModelNotReady
from inferry_server.grpc import wire
from inferry_server.grpc.contract.inference import SERVICE
from inferry_server.grpc.messages import message
from inferry_server.passing import refusals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Metadata = Sequence[tuple[str, str]]

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # gRPC may send a call again that the server has seen.
    ("grpc.enable_retries", 0),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
)
_NAME, _TENSORS, _RESPONSE = 1, 6, 2
_FINAL = "triton_final_response"
_WANTS_FINAL = "triton_enable_empty_final_response"
#: Seconds that a stream has to end by itself.
_LAST = 1.0
_GONE = "the connection to the model's own server was lost"


def _asks_for_final() -> bytes:
    made = message("ModelInferRequest")()
    made.parameters[_WANTS_FINAL].bool_param = True
    written: bytes = made.SerializeToString()
    return written


_ASKS_FOR_FINAL = _asks_for_final()


class Asked(NamedTuple):
    """A request of a stream: its message, and what tells whose an answer is.

    ``wants_final`` is whether its client wants to hear of the end of the answers.
    """

    body: bytes
    model: str
    id: str
    wants_final: bool


class Channel:
    """The server at *address*; made and used on one event loop."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self._calls: dict[str, Any] = {}

    async def ask(self, rpc: str, body: bytes, metadata: Metadata = ()) -> bytes:
        """Return the bytes of the answer to *rpc*.

        Raises:
            ModelError: As `refusals`.

        """
        call = self._calls.get(rpc)
        if call is None:
            call = self._channel.unary_unary(f"/{SERVICE}/{rpc}")
            self._calls[rpc] = call
        try:
            answer: bytes = await call(body, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise refusals.of_code(error.code(), error.details() or "") from None
        return answer

    def relay(
        self, send: Callable[[bytes], Awaitable[int]], metadata: Metadata
    ) -> Relay:
        """Return a new stream, whose answers go out by *send*."""
        infer: Any = self._channel.stream_stream(f"/{SERVICE}/ModelStreamInfer")
        return Relay(infer(metadata=metadata), send)

    async def close(self) -> None:
        """Close what is open."""
        await self._channel.close()


class Relay:
    """One ``ModelStreamInfer`` there for one here."""

    def __init__(self, call: Any, send: Callable[[bytes], Awaitable[int]]) -> None:  # noqa: ANN401 - grpc's
        self._call = call
        self._send = send
        self._writing = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        #: Whether nothing more goes by it.
        self.is_lost = False
        self._reader = asyncio.create_task(self._read())

    async def ask(self, asked: Asked) -> int:
        """Pass a request on, and its answers back; return the bytes of those.

        The server is always asked to tell of the end of the answers.

        Raises:
            ModelError: As `refusals`.

        """
        if self.is_lost:
            raise ModelNotReady(_GONE)
        waiting = _Waiting(asked)
        body = asked.body if asked.wants_final else asked.body + _ASKS_FOR_FINAL
        async with self._writing:
            self._waiting.append(waiting)
            # A field that comes last is merged with those before it.
            await self._call.write(body)
        return await waiting.ended

    async def _read(self) -> None:
        error: Exception = ModelNotReady(_GONE)
        try:
            while (answer := await self._call.read()) is not grpc.aio.EOF:
                await self._take(answer)
        except grpc.aio.AioRpcError as gone:
            error = refusals.of_code(gone.code(), gone.details() or _GONE)
        finally:
            self.is_lost = True
            while self._waiting:
                self._waiting.pop().fail(error)

    async def _take(self, answer: bytes) -> None:
        head = _without_tensors(answer)
        response = head.infer_response
        is_told = _FINAL in response.parameters
        is_final = is_told and response.parameters[_FINAL].bool_param
        waiting = self._of(response)
        if head.error_message:
            waiting.fail(refusals.of_text(head.error_message))
            is_final = is_final or not is_told
        elif response.outputs or waiting.asked.wants_final or not is_final:
            waiting.sent += await self._send(answer)
        if is_final and waiting in self._waiting:
            self._waiting.remove(waiting)
            waiting.end()

    def _of(self, response: Any) -> _Waiting:  # noqa: ANN401 - a ModelInferResponse
        """Return the oldest request that *response* may be an answer to."""
        for waiting in self._waiting:
            asked = waiting.asked
            if asked.id == response.id and response.model_name in ("", asked.model):
                return waiting
        return _Waiting(Asked(b"", "", "", wants_final=True))

    async def close(self) -> None:
        """End the stream; what is under way is cancelled."""
        if not self._waiting and not self.is_lost:
            # Triton 2.51 may abort where a stream with nothing to do is cancelled.
            await self._call.done_writing()
            await asyncio.wait({self._reader}, timeout=_LAST)
        self._call.cancel()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


class _Waiting:
    """A request whose answers are on their way."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.sent = 0
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(self.sent)

    def fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
            self.ended.exception()  # nobody may wait for it any more


def renamed(body: bytes, name: str) -> bytes:
    """Return the ``ModelInferRequest`` in *body* for the model *name*; all else stays.

    Raises:
        InvalidInput: It is no message.

    """
    rest, _ = wire.split(body, _NAME)
    text = name.encode()
    return wire.prefix(_NAME, len(text)) + text + rest


def _without_tensors(answer: bytes) -> Any:  # noqa: ANN401 - a message
    """Read a ``ModelStreamInferResponse`` without the bytes of its tensors."""
    rest, responses = wire.split(answer, _RESPONSE)
    told = message("ModelStreamInferResponse").FromString(rest)
    for response in responses:
        head, _ = wire.split(bytes(response), _TENSORS)
        told.infer_response.MergeFromString(head)
    return told
