"""The gRPC server behind the gateway's HTTP/2 connections, on a socket of its own.

grpc cannot be handed a connection that somebody else accepted, so it listens on a unix
socket in a folder that only this user may enter, and `inferry_gateway._http2` carries
the connections there. Messages pass as bytes: no class of any protocol is known here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from inferry_gateway._grpc.call import Call
from inferry_gateway._grpc.channel import Channel
from inferry_gateway._grpc.methods import METHODS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from inferry_gateway._balancing import Replica
    from inferry_gateway._gateway import Gateway
    from inferry_gateway._grpc.call import Context
    from inferry_gateway._grpc.methods import Method

_LONGEST_PATH = 100
_PING_MS = 10_000


class GrpcServer:
    """Serves the calls of all clients; owns the channels to the replicas."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        #: How much memory the requests of unary calls take now.
        self.held_bytes = 0
        self._server: Any = None
        self._folder: Path | None = None
        self._channels: set[Channel] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; return the path of the socket."""
        settings = self.gateway.settings
        self._folder = _private_folder()
        self._server = aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", settings.max_header_bytes),
                ("grpc.max_concurrent_streams", settings.max_streams),
                ("grpc.max_connection_idle_ms", _ms(settings.idle_timeout)),
                ("grpc.server_handshake_timeout_ms", _ms(settings.header_timeout)),
                ("grpc.http2.min_ping_interval_without_data_ms", _PING_MS),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", _PING_MS),
                ("grpc.keepalive_permit_without_calls", 1),
            ]
        )
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        path = str(self._folder / "grpc.sock")
        self._server.add_insecure_port(f"unix:{path}")
        await self._server.start()
        return path

    def channel(self, replica: Replica) -> Channel:
        """Return the channel to *replica*, a new one where there is none."""
        channel = replica.channel
        if not isinstance(channel, Channel):
            channel = Channel(replica.endpoint, self.gateway.settings, self._closed)
            self._channels.add(channel)
            replica.channel = channel
            if replica.removed:
                channel.close()
        return channel

    def drop(self, replica: Replica, channel: Channel) -> None:
        """Let go of a channel that does not connect: the next call tries anew."""
        if replica.channel is channel:
            replica.channel = None
        channel.close()

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - partial success is fine
        """Take no new call, finish those under way within *timeout* seconds."""
        if self._server is not None:
            await self._server.stop(timeout)

    async def stop(self) -> None:
        """End every call and connection."""
        if self._server is not None:
            await self._server.stop(None)
        for channel in list(self._channels):
            await channel.raw.close()
        await asyncio.gather(*self._closing, return_exceptions=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def unary(
        self, name: str, method: Method, request: bytes, context: Context
    ) -> bytes:
        """Handle a call with one request and one answer."""
        return await Call(self, name, method, context).unary(request)

    async def stream(
        self, name: str, method: Method, _requests: object, context: Context
    ) -> None:
        """Handle a call with any number of messages each way."""
        await Call(self, name, method, context).stream()

    def _closed(self, channel: Channel, work: Coroutine[Any, Any, None]) -> None:
        self._channels.discard(channel)
        task = asyncio.get_running_loop().create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Handlers(grpc.GenericRpcHandler):
    """Has a handler for every method there may be."""

    def __init__(self, server: GrpcServer) -> None:
        self._server = server
        self._known = {name: self._handler(name, m) for name, m in METHODS.items()}

    def service(self, handler_call_details: Any) -> Any:  # noqa: ANN401 - as grpc has it
        """Return the handler of a call."""
        name: str = handler_call_details.method
        return self._known.get(name) or self._handler(name, UNKNOWN)

    def _handler(self, name: str, method: Method) -> Any:  # noqa: ANN401 - grpc's own
        if method.unary:
            return grpc.unary_unary_rpc_method_handler(
                partial(self._server.unary, name, method)
            )
        return grpc.stream_stream_rpc_method_handler(
            partial(self._server.stream, name, method)
        )


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _private_folder() -> Path:
    """Make a folder that only this user may enter, where a socket's path still fits."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for place in (runtime, tempfile.gettempdir()):
        if place.startswith("/") and len(os.fsencode(place)) < _LONGEST_PATH - 40:
            try:
                return Path(tempfile.mkdtemp(prefix="inferry-gateway-", dir=place))
            except OSError:
                continue
    return Path(tempfile.mkdtemp(prefix="inferry-gateway-", dir="/tmp"))
