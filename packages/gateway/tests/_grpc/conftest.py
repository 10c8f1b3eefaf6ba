"""A real gRPC replica that echoes, and clients that speak gRPC through the gateway."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc import aio

from inferry_gateway import Endpoint, Service, Target
from inferry_gateway._grpc.messages import text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INFERENCE = "/inference.GRPCInferenceService/"


@dataclass
class GrpcReplica:
    """Echoes; what the text in field 9 of a message says, it does."""

    id: str
    seen: list[tuple[tuple[str, Any], ...]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    started: int = 0
    cancelled: int = 0
    deadlines: list[float | None] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    server: Any = None
    port: int = 0

    async def start(self, port: int = 0) -> GrpcReplica:
        self.server = aio.server(options=[("grpc.max_receive_message_length", -1)])
        self.server.add_generic_rpc_handlers((_Echo(self),))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        await self.server.start()
        return self

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.port, self.id, self.port)

    def note(self, method: str, context: Any) -> None:
        self.started += 1
        self.methods.append(method)
        self.seen.append(tuple((k, v) for k, v in context.invocation_metadata()))
        self.deadlines.append(context.time_remaining())

    async def act(self, message: bytes, context: Any) -> bytes:
        if b"!wait" in message:
            await self.gate.wait()
        if b"!big" in message:
            return b"x" * 32 * 1024 * 1024
        if b"!head" in message:
            await context.send_initial_metadata((("x-first", "1"),))
            context.set_trailing_metadata((("x-last", "2"), ("x-raw-bin", b"\0\1")))
        if b"!fail" in message:
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, "not today", (("x-why", "rain"),)
            )
        return message

    async def stop(self) -> None:
        await self.server.stop(0)


class _Echo(grpc.GenericRpcHandler):
    def __init__(self, replica: GrpcReplica) -> None:
        self._replica = replica

    def service(self, details: Any) -> Any:
        replica, method = self._replica, details.method

        async def unary(request: bytes, context: Any) -> bytes:
            replica.note(method, context)
            try:
                return await replica.act(request, context)
            except asyncio.CancelledError:
                replica.cancelled += 1
                raise

        async def stream(requests: Any, context: Any) -> None:
            replica.note(method, context)
            try:
                async for request in requests:
                    await context.write(await replica.act(request, context))
            except asyncio.CancelledError:
                replica.cancelled += 1
                raise

        if "Stream" in method:
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


class Calls:
    """A gateway for services whose replicas speak gRPC, and a client of it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._closing: list[Any] = []

    async def replica(self, port: int = 0) -> GrpcReplica:
        replica = await GrpcReplica(f"g{len(self._closing)}").start(port)
        self._closing.append(replica.stop)
        return replica

    def service(
        self, *replicas: GrpcReplica, name: str = "iris", **own: Any
    ) -> Service:
        endpoints = tuple(r.endpoint for r in replicas)
        slots = own.pop("slots", 0)
        defaults: dict[str, Any] = {
            "namespace": "default",
            "name": name,
            "hosts": (f"{name}-default.example.com",),
            "models": ("iris",),
            "targets": (Target("1", 100, endpoints, slots),),
        }
        return Service(**(defaults | own))

    async def serve(self, *replicas: GrpcReplica, **own: Any) -> Any:
        """Start a gateway for one service, ``default/iris``, on these replicas."""
        settings = own.pop("settings", {})
        return await self.world.start(self.service(*replicas, **own), **settings)

    def channel(self, *, authority: str = "", port: int = 0) -> Any:
        options: list[tuple[str, Any]] = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if authority:
            options.append(("grpc.default_authority", authority))
        target = f"127.0.0.1:{port or self.world.port}"
        channel = aio.insecure_channel(target, options=options)
        self._closing.append(channel.close)
        return channel

    def infer(
        self, channel: Any, model: str = "iris", do: str = "", **more: Any
    ) -> Any:
        """Call ModelInfer, or the method named."""
        method = more.pop("method", "ModelInfer")
        more.setdefault("timeout", 10)
        name = method if method.startswith("/") else INFERENCE + method
        return channel.unary_unary(name)(text(1, model) + text(9, do), **more)

    def stream(self, channel: Any, **more: Any) -> Any:
        more.setdefault("timeout", 10)
        return channel.stream_stream(f"{INFERENCE}ModelStreamInfer")(**more)

    async def error(self, call: Any) -> Any:
        """Return the error that *call* ends with."""
        with pytest.raises(aio.AioRpcError) as caught:
            await call
        return caught.value

    async def stop(self) -> None:
        for close in reversed(self._closing):
            await close()


@pytest.fixture
async def calls(world: Any) -> AsyncIterator[Calls]:
    """gRPC replicas and clients around the gateway of ``world``."""
    calls = Calls(world)
    yield calls
    await calls.stop()
