"""One gRPC call: from the route to a replica, and its answers back to the client."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from grpc import StatusCode, aio

from inferry_gateway._answers import Refusal
from inferry_gateway._grpc.metadata import passed_back, passed_on
from inferry_gateway._grpc.placing import Place
from inferry_gateway._grpc.routing import Routing
from inferry_gateway._grpc.status import code_of, counted
from inferry_gateway._refusals import closed_early, too_much, too_slow

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from inferry_gateway._balancing import Balancer
    from inferry_gateway._gateway import Gateway
    from inferry_gateway._grpc.channel import Channel
    from inferry_gateway._grpc.metadata import Pairs
    from inferry_gateway._grpc.methods import Method
    from inferry_gateway._grpc.server import GrpcServer

    Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]
    Context: TypeAlias = aio.ServicerContext[bytes, bytes]
    StreamCall: TypeAlias = aio.StreamStreamCall[bytes, bytes]

T = TypeVar("T")
_log = logging.getLogger("inferry_gateway")
_CLIENT_GONE = 499
_OK = 200
_SERVER_ERROR = 500
_WATCH_SECONDS = 0.5


class Call:
    """The state of one call; its handler's task is cancelled when the client leaves."""

    __slots__ = (
        "_balancer",
        "_context",
        "_gateway",
        "_metadata",
        "_method",
        "_name",
        "_place",
        "_remaining",
        "_routing",
        "_server",
    )

    def __init__(
        self,
        server: GrpcServer,
        name: str,
        method: Method,
        context: Context,
    ) -> None:
        self._server = server
        self._gateway: Gateway = server.gateway
        self._name = name
        self._method = method
        self._context = context
        self._metadata: Pairs = tuple(context.invocation_metadata() or ())
        self._routing = Routing(self._gateway, name, method, self._metadata)
        self._balancer: Balancer | None = None
        self._place: Place | None = None
        self._remaining: float | None = context.time_remaining()

    async def unary(self, request: bytes) -> bytes:
        """Answer one request."""
        self._server.held_bytes += len(request)
        try:
            return await self._ended(self._unary(request))
        finally:
            self._server.held_bytes -= len(request)

    async def stream(self) -> None:
        """Pass messages both ways until both sides have ended."""
        await self._ended(self._stream())

    # Where it goes

    def _routed(self, message: bytes) -> Balancer | bytes:
        found = self._routing.find(message)
        if isinstance(found, bytes):
            return found
        self._balancer = found
        no = self._routing.unready(found)
        return found if no is None else no

    async def _placed(self, balancer: Balancer) -> Channel:
        patience = self._gateway.settings.hold_seconds
        for limit in (balancer.service.timeout, self._remaining):
            if limit is not None:
                patience = min(patience, limit)
        self._place = Place(
            self._server, balancer, patience=patience, beside=self._method.asks
        )
        return await self._place.channel()

    # How it is answered

    async def _unary(self, request: bytes) -> bytes:
        balancer = self._routed(request)
        if isinstance(balancer, bytes):
            return balancer
        limit = self._gateway.settings.max_held_bytes
        if self._server.held_bytes > limit:
            raise too_much(limit)
        channel = await self._placed(balancer)
        sent = self._gateway.now()
        remaining, longest = self._time_left(), balancer.service.timeout
        ours = longest is not None and (remaining is None or longest < remaining)
        call = channel.unary(self._name)(
            request, timeout=longest if ours else remaining, metadata=self._passed_on()
        )
        try:
            answer: bytes = await call
        except aio.AioRpcError as error:
            if ours and error.code() is StatusCode.DEADLINE_EXCEEDED:
                raise self._slow(balancer) from None
            await self._begin(error.initial_metadata())
            raise self._explained(error, balancer, channel) from None
        balancer.latency.observe(self._gateway.now() - sent)
        await self._begin(await call.initial_metadata())
        if trailing := passed_back(await call.trailing_metadata()):
            self._context.set_trailing_metadata(trailing)
        return answer

    async def _begin(self, metadata: Metadata | None) -> None:
        """Pass back what a replica said before its answer, if it said anything."""
        if initial := passed_back(metadata):
            await self._context.send_initial_metadata(initial)

    async def _stream(self) -> None:
        first = await self._context.read() if self._routing.needs_message else None
        message = first if isinstance(first, bytes) else b""
        balancer = self._routed(message)
        if isinstance(balancer, bytes):
            await self._watch(message, balancer)
            return
        channel = await self._placed(balancer)
        call = channel.stream(self._name)(
            timeout=self._time_left(), metadata=self._passed_on()
        )
        try:
            async with asyncio.timeout(None) as timer:
                sending = asyncio.create_task(self._send(call, first, timer))
                try:
                    await self._receive(call, sending, timer)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        except TimeoutError:
            raise self._slow(balancer) from None
        except aio.AioRpcError as error:
            raise self._explained(error, balancer, channel) from None
        finally:
            call.cancel()

    async def _send(
        self, call: StreamCall, first: object, timer: asyncio.Timeout
    ) -> None:
        message = await self._context.read() if first is None else first
        while isinstance(message, bytes):  # else it is the end
            await call.write(message)
            message = await self._context.read()
        await call.done_writing()
        timer.reschedule(self._patience())

    async def _receive(
        self,
        call: StreamCall,
        sending: asyncio.Task[None],
        timer: asyncio.Timeout,
    ) -> None:
        sent = self._gateway.now()
        initial = await call.initial_metadata()
        if self._balancer is not None:
            self._balancer.latency.observe(self._gateway.now() - sent)
        await self._context.send_initial_metadata(passed_back(initial))
        while True:
            timer.reschedule(self._patience() if sending.done() else None)
            message = await call.read()
            if not isinstance(message, bytes):  # the end
                break
            # A client that leaves its answers unread shall not keep the replica.
            timer.reschedule(self._gateway.now() + self._gateway.settings.write_timeout)
            await self._context.write(message)
        self._context.set_trailing_metadata(passed_back(await call.trailing_metadata()))

    async def _watch(self, message: bytes, answer: bytes) -> None:
        """Repeat the gateway's own answer whenever it changes."""
        await self._context.write(answer)
        while not self._gateway.draining:
            await asyncio.sleep(_WATCH_SECONDS)
            now = self._routed(message)
            if not isinstance(now, bytes):
                return  # the service itself can be asked now
            if now != answer:
                answer = now
                await self._context.write(answer)

    # How it ends

    async def _ended(self, work: Coroutine[Any, Any, T]) -> T:
        trailing: Pairs = ()
        try:
            result = await work
        except asyncio.CancelledError:
            self._record(_CLIENT_GONE)
            raise
        except Refusal as refusal:
            code, details = code_of(refusal.status), refusal.message
            trailing = _retry_after(refusal)
            self._record(refusal.status)
        except aio.AioRpcError as error:
            code, details = error.code(), error.details() or ""
            trailing = passed_back(error.trailing_metadata())
            self._record(counted(code))
        except Exception:  # noqa: BLE001 - what it was, the log says
            _log.exception("a call of %s failed in the gateway", self._name)
            code, details = StatusCode.INTERNAL, "the gateway failed; see its log"
            self._record(_SERVER_ERROR)
        else:
            self._record(_OK)
            return result
        finally:
            if self._place is not None:
                self._place.leave()
        await self._context.abort(code, details, trailing)
        raise AssertionError  # abort always raises

    def _record(self, status: int) -> None:
        revision = self._place.revision if self._place is not None else ""
        self._gateway.record(self._balancer, revision, status)

    def _explained(
        self, error: aio.AioRpcError, balancer: Balancer, channel: Channel
    ) -> Exception:
        """Say in our words that the connection broke; pass on what a replica said."""
        broke = error.code() is StatusCode.UNAVAILABLE and not channel.connected
        if not broke:
            return error
        self._failed_replica()
        return closed_early(balancer.service.key)

    def _slow(self, balancer: Balancer) -> Refusal:
        self._failed_replica()
        return too_slow(balancer.service)

    def _failed_replica(self) -> None:
        if self._place is not None and self._place.replica is not None:
            self._place.replica.errors += 1

    def _passed_on(self) -> Pairs:
        trusted = self._gateway.settings.trust_forwarded
        return passed_on(self._metadata, trusted=trusted)

    def _time_left(self) -> float | None:
        if self._remaining is None:
            return None
        return max(0.0, self._context.time_remaining())

    def _patience(self) -> float | None:
        limit = self._balancer.service.timeout if self._balancer else None
        return None if limit is None else self._gateway.now() + limit


def _retry_after(refusal: Refusal) -> Pairs:
    if refusal.retry_after is None:
        return ()
    return (("retry-after", str(max(1, round(refusal.retry_after)))),)
