"""Handlers for gRPC's server: bytes in, bytes out, every error a status.

Messages are read here rather than by gRPC, which logs a traceback for each one that a
client gets wrong and calls it an internal error.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from inferry.errors import InvalidInput
from inferry_server.grpc.errors import refuse
from inferry_server.grpc.messages import message
from inferry_server.memory import ModelAsleep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    #: Takes a message and gives one, or what to await for it.
    Answer = Callable[[Any], Any]


def unary(rpc: str, request: str, answer: Answer, package: str = "inference") -> Any:  # noqa: ANN401 - grpc's
    """Return the handler of *rpc*, which gives *answer* the message *request*."""

    async def handle(body: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc's
        try:
            asked = read(body, request, package)
            try:
                answered = answer(asked)
            except ModelAsleep as asleep:
                await asleep.wake()
                answered = answer(asked)
            if isinstance(answered, Awaitable):
                answered = await answered
            written: bytes = answered.SerializeToString()
        except Exception as error:  # noqa: BLE001 - each becomes a status and a text
            refuse(context, error, rpc)
            return b""
        return written

    return grpc.unary_unary_rpc_method_handler(handle)


def read(body: bytes, name: str, package: str = "inference") -> Any:  # noqa: ANN401 - a message
    """Return the message *name* that *body* holds.

    Raises:
        InvalidInput: It holds none.

    """
    try:
        return message(name, package).FromString(body)
    except DecodeError:
        raise InvalidInput(f"the message is no {name}") from None


def streamed(
    answers: Callable[[AsyncIterator[bytes]], AsyncIterator[Any]],
) -> Any:  # noqa: ANN401 - grpc's
    """Return the handler of an RPC that answers a stream with a stream."""

    async def handle(
        bodies: AsyncIterator[bytes],
        _context: Any,  # noqa: ANN401 - grpc's
    ) -> AsyncIterator[bytes]:
        async for answered in answers(bodies):
            yield answered.SerializeToString()

    return grpc.stream_stream_rpc_method_handler(handle)
