"""Real replicas on loopback, well-behaved and not, and raw clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from inferry_gateway import Endpoint, Gateway, GatewaySettings, Service, Target

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


def pytest_asyncio_loop_factories(config: Any, item: Any) -> dict[str, Any]:
    """Run every asynchronous test on both loops: their transports differ."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass
class Message:
    """A request or response as it was on the wire, the body decoded."""

    start: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        values = [v for k, v in self.headers if k.lower() == name.lower().encode()]
        assert len(values) <= 1, f"{name} appears {len(values)} times"
        return values[0].decode() if values else None

    @property
    def status(self) -> int:
        return int(self.start.split()[1])

    @property
    def method(self) -> str:
        return self.start.split()[0].decode()

    @property
    def target(self) -> str:
        return self.start.split()[1].decode()

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


async def read_head(reader: Reader) -> Message:
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines]
    return Message(start, [(p[0], p[1] if len(p) > 1 else b"") for p in pairs])


async def read_chunks(reader: Reader) -> AsyncIterator[bytes]:
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size:
            yield await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
        if not size:
            return


async def read_message(reader: Reader, *, answers: str = "") -> Message:
    """Read a request, or the response to method ``answers``."""
    message = await read_head(reader)
    if answers == "HEAD":
        return message
    if message.header("transfer-encoding") == "chunked":
        message.body = b"".join([piece async for piece in read_chunks(reader)])
    elif (length := message.header("content-length")) is not None:
        message.body = await reader.readexactly(int(length))
    elif answers and message.status not in {204, 304} and message.status >= 200:
        message.body = await reader.read()
    return message


def response(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Handler = Callable[[Message, Reader, Writer], Awaitable[None]]


async def echo(message: Message, _reader: Reader, writer: Writer) -> None:
    writer.write(response(message.body))


@dataclass
class FakeReplica:
    """An HTTP/1.1 server; ``raw`` handles whole connections, ``handler`` requests."""

    handler: Handler = echo
    raw: Callable[[Reader, Writer], Awaitable[None]] | None = None
    id: str = "r"
    requests: list[Message] = field(default_factory=list)
    connections: int = 0
    aborted: int = 0
    server: asyncio.Server | None = None
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, port: int = 0) -> FakeReplica:
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("127.0.0.1", self.port, self.id)

    def _accept(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        try:
            if self.raw is not None:
                await self.raw(reader, writer)
                return
            while True:
                message = await read_message(reader)
                self.requests.append(message)
                await self.handler(message, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.aborted += 1
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Client:
    """A raw connection to the gateway."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        **headers: str,
    ) -> Message:
        headers.setdefault("Host", "iris-default.example.com")
        if body is not None:
            headers["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        return await self.answer(method)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, method: str = "GET") -> Message:
        async with asyncio.timeout(10):
            return await read_message(self.reader, answers=method)

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.read()

    def close(self) -> None:
        self.writer.close()


class World:
    """One gateway with its replicas and clients, all closed at the end."""

    def __init__(self) -> None:
        self.gateway: Gateway
        self.port = 0
        self.events: list[Any] = []
        self._replicas: list[FakeReplica] = []
        self._clients: list[Client] = []
        self._gateways: list[Gateway] = []

    async def start(self, *services: Service, **settings: Any) -> Gateway:
        settings.setdefault("port", 0)
        self.gateway = Gateway(GatewaySettings(**settings), on_event=self.events.append)
        self._gateways.append(self.gateway)
        self.port = await self.gateway.start()
        self.gateway.update(services)
        return self.gateway

    async def serve(self, *replicas: FakeReplica, **settings: Any) -> Gateway:
        """Start a gateway for one service, ``default/iris``, on these replicas."""
        timeout = settings.pop("timeout", None)
        slots = settings.pop("slots", 0)
        service = self.service(*replicas, timeout=timeout, slots=slots)
        return await self.start(service, **settings)

    def service(
        self, *replicas: FakeReplica, slots: int = 0, **changes: Any
    ) -> Service:
        endpoints = tuple(r.endpoint for r in replicas)
        defaults: dict[str, Any] = {
            "namespace": "default",
            "name": "iris",
            "hosts": ("iris-default.example.com",),
            "models": ("iris",),
            "targets": (Target("1", 100, endpoints, slots),),
        }
        return Service(**(defaults | changes))

    async def replica(self, handler: Handler = echo, **options: Any) -> FakeReplica:
        port = options.pop("port", 0)
        options.setdefault("id", f"r{len(self._replicas)}")
        replica = await FakeReplica(handler, **options).start(port)
        self._replicas.append(replica)
        return replica

    async def client(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = Client(reader, writer)
        self._clients.append(client)
        return client

    async def ask(self, *args: Any, **options: Any) -> Message:
        """Send one request on a connection of its own."""
        client = await self.client()
        try:
            return await client.ask(*args, **options)
        finally:
            client.close()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - any condition
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        for client in self._clients:
            client.close()
        for gateway in self._gateways:
            await gateway.stop()
        for replica in self._replicas:
            await replica.stop()
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A gateway, replicas and clients on loopback."""
    world = World()
    yield world
    await world.stop()


@pytest.fixture
def respond() -> Callable[..., bytes]:
    """The bytes of a response with Content-Length."""
    return response


@pytest.fixture
def unused_port(free_port: Callable[[], int]) -> int:
    """A port on which nobody listens."""
    return free_port()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that returns a port nobody listens on."""
    import socket

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find
