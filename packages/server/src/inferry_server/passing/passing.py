"""What a loaded model holds to pass V2 requests on to the server it has of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inferry.errors import ModelNotFound, ModelNotReady
from inferry_server.execution import Execution
from inferry_server.grpc.messages import message
from inferry_server.http.exchange import BINARY, JSON, Response
from inferry_server.passing import refusals
from inferry_server.passing.connections import Pool, Reply
from inferry_server.passing.rpc import Channel, renamed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from inferry.model import Upstream
    from inferry_server.calls import Call
    from inferry_server.http.routes import Route
    from inferry_server.passing.rpc import Asked, Relay

_OK = 200
_LENGTH = "inference-header-content-length"
#: Of the client's headers, what belongs to its body or to its trace.
_PASSED = ("content-type", _LENGTH, "traceparent", "tracestate")
#: What a route's kind is called behind the name of the model.
_VERBS: Mapping[str, str] = {
    "infer": "/infer",
    "generate": "/generate",
    "generate_stream": "/generate_stream",
    "model_config": "/config",
    "model_ready": "/ready",
    "model_statistics": "/stats",
    "model_v2": "",
}


class Passing:
    """Passes requests for the model *name* on, *concurrency* at a time."""

    def __init__(
        self,
        name: str,
        instance: Any,  # noqa: ANN401 - a model with `upstream`
        *,
        concurrency: int,
        queue_size: int,
        headers: tuple[str, ...] = (),
    ) -> None:
        self._name = name
        self._instance = instance
        self._execution = Execution(
            name, concurrency=concurrency, queue_size=queue_size
        )
        self._passed = (*_PASSED, *headers)
        self._pool: Pool | None = None
        self._channel: Channel | None = None
        #: Every name that is answered there, beside the one of the service.
        self.names = self._upstream().names

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return self._execution.waiting

    @property
    def running(self) -> int:
        """How many requests are under way."""
        return self._execution.running

    async def close(self, patience: float | None) -> bool:
        """Refuse new requests, wait for those there are; False if some still run."""
        done = await self._execution.close(patience)
        if self._pool is not None:
            self._pool.close()
        if self._channel is not None:
            await self._channel.close()
        return done

    # Over HTTP

    def answer(self, call: Call, route: Route, body: memoryview) -> Awaitable[Response]:
        """Return what to await for the answer to ``infer`` or ``generate``."""
        head = self._head("POST", route, call.headers, len(body))
        answer: Awaitable[Response] = self._execution.call(
            self._answer, (head, body), call
        )
        return answer

    async def _answer(self, asked: tuple[bytes, memoryview]) -> Response:
        return _response(await self._http().ask(*asked))

    async def events(
        self, call: Call, route: Route, body: memoryview
    ) -> AsyncGenerator[bytes, None]:
        """Yield the answer to ``generate_stream`` as it comes.

        Raises:
            ModelError: As `refusals`, before the first piece.

        """
        head = self._head("POST", route, call.headers, len(body))
        async for piece in self._execution.stream(self._pieces, (head, body), call):
            yield piece

    async def _pieces(
        self, asked: tuple[bytes, memoryview]
    ) -> AsyncGenerator[bytes, None]:
        refused: Reply | None = None
        told = bytearray()
        async for piece in self._http().stream(*asked):
            if isinstance(piece, Reply):
                refused = piece if piece.status != _OK else None
            elif refused is not None:
                told += piece
            else:
                yield piece
        if refused is not None:
            raise refusals.of_body(refused.status, bytes(told))

    async def told(self, route: Route) -> Response:
        """Return what the server tells of a model: all but inference."""
        head = self._head("GET", route, {}, 0)
        return _response(await self._http().ask(head, b""))

    def _head(
        self, method: str, route: Route, headers: Mapping[str, str], length: int
    ) -> bytes:
        upstream = self._upstream()
        name = quote(self.name_there(route.model), safe="")
        version = f"/versions/{quote(route.version, safe='')}" if route.version else ""
        lines = [
            f"{method} /v2/models/{name}{version}{_VERBS[route.kind]} HTTP/1.1",
            f"host: {upstream.http}",
            *(f"{each}: {headers[each]}" for each in self._passed if each in headers),
        ]
        if method == "POST":
            lines.append(f"content-length: {length}")
        return "\r\n".join((*lines, "\r\n")).encode("latin-1", "replace")

    # Over gRPC

    def infer(self, call: Call, name: str, body: bytes) -> Awaitable[bytes]:
        """Return what to await for the ``ModelInferResponse`` to *body*."""
        there = self.name_there(name)
        body = body if there == name else renamed(body, there)
        asked = (body, self._metadata(call))
        answer: Awaitable[bytes] = self._execution.call(self._infer, asked, call)
        return answer

    async def _infer(self, asked: tuple[bytes, Any]) -> bytes:
        body, metadata = asked
        return await self._rpc().ask("ModelInfer", body, metadata)

    async def told_over_grpc(self, rpc: str, request: Any) -> Any:  # noqa: ANN401 - messages
        """Return what the server tells by *rpc* of the model that *request* names."""
        there = type(request)(
            name=self.name_there(request.name), version=request.version
        )
        body = await self._rpc().ask(rpc, there.SerializeToString())
        return message(f"{rpc}Response").FromString(body)

    def relay(self, call: Call, send: Callable[[bytes], Awaitable[int]]) -> Relay:
        """Return a new stream, whose answers go out by *send*."""
        return self._rpc().relay(send, self._metadata(call))

    def relayed(self, relay: Relay, call: Call, asked: Asked) -> Awaitable[int]:
        """Return what to await until *asked* is answered by *relay*."""
        there = self.name_there(asked.model)
        if there != asked.model:
            body = renamed(asked.body, there)
            asked = asked._replace(body=body, model=there)
        done: Awaitable[int] = self._execution.call(relay.ask, asked, call)
        return done

    def _metadata(self, call: Call) -> tuple[tuple[str, str], ...]:
        given = call.headers
        return tuple((each, given[each]) for each in self._passed[2:] if each in given)

    # Where

    def name_there(self, name: str) -> str:
        """Return what the model *name* is called there.

        Raises:
            ModelNotFound: There are several, and none is the one of the service.

        """
        if name != self._name or name in self.names:
            return name
        there = self._upstream().name
        if not there:
            known = ", ".join(map(repr, sorted(self.names)))
            raise ModelNotFound(
                f"{name!r} stands for several models; ask for one of {known}"
            )
        return there

    def _upstream(self) -> Upstream:
        if why := str(getattr(self._instance, "why_unhealthy", "")):
            raise ModelNotReady(f"model {self._name!r} is not ready: {why}")
        upstream: Upstream = self._instance.upstream
        return upstream

    def _http(self) -> Pool:
        address = self._upstream().http
        if self._pool is None or self._pool.address != address:
            if self._pool is not None:
                self._pool.close()
            self._pool = Pool(address)
        return self._pool

    def _rpc(self) -> Channel:
        address = self._upstream().grpc
        channel = self._channel
        if channel is None or channel.address != address:
            if channel is not None:
                self._closing = asyncio.create_task(channel.close())
            channel = self._channel = Channel(address)
        return channel


def _response(reply: Reply) -> Response:
    """Return the answer there as the one here.

    Raises:
        ModelError: As `refusals`.

    """
    if reply.status != _OK:
        raise refusals.of_body(reply.status, reply.body)
    length = reply.headers.get(_LENGTH.encode())
    if length is None:
        kind = reply.headers.get(b"content-type", JSON)
        return Response(_OK, [reply.body], kind)
    return Response(_OK, [reply.body], BINARY, ((_LENGTH.encode(), length),))
