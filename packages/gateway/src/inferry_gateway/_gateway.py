"""The gateway: listens, routes, counts, and ends what takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from inferry.errors import BackendError
from inferry_gateway._answers import Answer, Refusal
from inferry_gateway._balancing import Balancer
from inferry_gateway._client import Client
from inferry_gateway._naming import ByBody, check_head, is_operation, model_in
from inferry_gateway._pages import page
from inferry_gateway._report import ServiceReport, report
from inferry_gateway._table import Route, Table, asks_health

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from inferry_gateway._grpc.server import GrpcServer
    from inferry_gateway._head import RequestHead
    from inferry_gateway._services import Endpoint, Service
    from inferry_gateway._settings import GatewaySettings

_SWEEP_SECONDS = 0.1
_BACKLOG = 2048
_NOT_FOUND = 404
_SERVER_ERROR = 500


class GatewayEvent(Struct, frozen=True, kw_only=True):
    """Something that the owner of the replicas should know at once.

    ``held``: a request waits, because the service has no free replica.
    ``refused``: ``endpoint`` does not accept connections.
    """

    kind: Literal["held", "refused"]
    namespace: str
    name: str
    endpoint: str = ""
    message: str = ""


class Gateway:
    """A reverse proxy for declared services.

    ``on_event`` is called on the event loop and must not block.
    """

    logger = logging.getLogger("inferry_gateway")

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        on_event: Callable[[GatewayEvent], None] | None = None,
    ) -> None:
        self.settings = settings
        self.draining = False
        self.declared = False
        self.held_bytes = 0
        self.unrouted: Counter[int] = Counter()
        self._on_event = on_event
        self._balancers: dict[str, Balancer] = {}
        self._table: Table[Balancer] = Table(())
        self._clients: set[Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._grpc_server: GrpcServer | None = None
        self._grpc_started: asyncio.Task[str] | None = None

    # For its owner

    async def start(self) -> int:
        """Listen; return the port.

        Raises:
            BackendError: the address cannot be had.
        """
        self._loop = asyncio.get_running_loop()
        port = await self._listen(self.settings.port, "port")
        if self.settings.grpc_port:
            try:
                await self._listen(self.settings.grpc_port, "grpc_port")
            except BackendError:
                self._servers[0].close()
                raise
        self._sweeper = self._loop.create_task(self._sweep())
        return port

    def update(self, services: Iterable[Service]) -> None:
        """Replace the declared services, all at once.

        Requests in flight finish where they are; those that wait are placed anew.
        """
        self.declared = True
        declared = {service.key: service for service in services}
        now = self.now()
        entries: list[tuple[Service, Balancer]] = []
        for key, service in declared.items():
            balancer = self._balancers.get(key) or self._balancer(service)
            entries.append((service, balancer))
        gone = [b for key, b in self._balancers.items() if key not in declared]
        self._table = Table(entries)
        self._balancers = {service.key: balancer for service, balancer in entries}
        for service, balancer in entries:
            balancer.update(service, now)
        for balancer in gone:
            balancer.retire()

    def report(self) -> dict[str, ServiceReport]:
        """Return load and counts by ``namespace/name``, for the autoscaler."""
        return {key: report(balancer) for key, balancer in self._balancers.items()}

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - partial success is fine
        """Finish what is under way within ``timeout`` seconds, take nothing new."""
        self.draining = True
        for server in self._servers:
            server.close()
        give_up = self.now() + timeout
        if self._grpc_server is not None:
            self.spawn(self._grpc_server.drain(timeout))
        while self._clients and self.now() < give_up:
            for client in [c for c in self._clients if c.idle]:
                client.close()
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Stop listening and close every connection at once."""
        self.draining = True
        for server in self._servers:
            server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for client in list(self._clients):
            client.transport.abort()
        for balancer in self._balancers.values():
            balancer.retire()
        if self._grpc_started is not None:
            with contextlib.suppress(Exception):
                await self._grpc_started
        if self._grpc_server is not None:
            await self._grpc_server.stop()
        for task in list(self._tasks):
            task.cancel()
        owned = [*self._tasks, *([self._sweeper] if self._sweeper else [])]
        await asyncio.gather(*owned, return_exceptions=True)
        # Lost connections are announced in the next turns of the loop.
        for _ in range(3):
            await asyncio.sleep(0)

    # For its parts

    @property
    def balancers(self) -> Iterable[Balancer]:
        """The state of each declared service."""
        return self._balancers.values()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    @property
    def table(self) -> Table[Balancer]:
        """Who answers what."""
        return self._table

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models."""
        return self._table.models

    def now(self) -> float:
        """Return the loop's clock, in seconds."""
        if self._loop is None:
            return 0.0
        return self._loop.time()

    def route(self, head: RequestHead) -> Route[Balancer] | Answer | ByBody:
        """Return where a request goes, or the gateway's own answer to it.

        ``BY_BODY`` says that `named` knows, once the body is there.

        Raises:
            Refusal: nobody answers this.
        """
        try:
            return self._find(head)
        except Refusal as refusal:
            raise self.while_starting(refusal) from None

    def named(self, head: RequestHead, body: bytes) -> Route[Balancer]:
        """Return where a request goes whose *body* names the model.

        Raises:
            Refusal: it names none, or one that nobody has.
        """
        try:
            return Route(self._table.model(model_in(body)), head.target, b"")
        except Refusal as refusal:
            raise self.while_starting(refusal) from None

    def while_starting(self, refusal: Refusal) -> Refusal:
        """Return a refusal to route, or another while nobody can say what there is."""
        if self.declared or refusal.status != _NOT_FOUND:
            return refusal
        # A 404 would send clients away from what will soon be there.
        text = "the gateway is starting and knows no service yet; try again"
        return Refusal(503, text, retry_after=self.settings.retry_after)

    async def grpc_socket(self) -> str:
        """Return where the gRPC server listens; the first connection starts it.

        Whatever keeps it from starting is raised, and the next connection tries again.
        """
        started = self._grpc_started
        failed = (
            started is not None
            and started.done()
            and (started.cancelled() or started.exception() is not None)
        )
        if started is None or failed:
            started = asyncio.get_running_loop().create_task(self._grpc())
            self._grpc_started = started
        return await asyncio.shield(started)

    def admit(self, client: Client) -> Refusal | None:
        """Register a client connection, or say why not."""
        full = len(self._clients) >= self.settings.max_connections
        self._clients.add(client)
        if not full:
            return None
        limit = self.settings.max_connections
        text = f"the gateway has {limit} connections already; try again"
        return Refusal(503, text, retry_after=self.settings.retry_after)

    def forget(self, client: Client) -> None:
        """Drop a client connection that is closed."""
        self._clients.discard(client)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in a task that this gateway owns."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def record(self, balancer: Balancer | None, revision: str, status: int) -> None:
        """Count an answer."""
        if balancer is None:
            self.unrouted[status] += 1
            return
        balancer.requests += 1
        balancer.codes[revision, status] += 1
        if status >= _SERVER_ERROR:
            balancer.errors += 1

    def held(self, service: Service) -> None:
        """Tell that a request waits."""
        self._tell("held", service, "", "a request waits for a replica")

    def refused(self, service: Service, endpoint: Endpoint, reason: str) -> None:
        """Tell that a replica does not accept connections."""
        self.logger.info("replica %s of %s: %s", endpoint.id, service.key, reason)
        self._tell("refused", service, endpoint.id, reason)

    # Inside

    async def _listen(self, port: int, setting: str) -> int:
        host = self.settings.host
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: Client(self), host, port, backlog=_BACKLOG
            )
        except (OSError, OverflowError) as error:
            raise _cannot_listen(host, port, error, setting) from None
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _grpc(self) -> str:
        # The import takes a tenth of a second: requests over HTTP go on meanwhile.
        module = await asyncio.to_thread(
            importlib.import_module, "inferry_gateway._grpc.server"
        )
        server: GrpcServer = module.GrpcServer(self)
        self._grpc_server = server
        return await server.start()

    def _find(self, head: RequestHead) -> Route[Balancer] | Answer | ByBody:
        route = self._table.match(head.host, head.target)
        if route is not None:
            balancer = route.state
            if not balancer.ready and asks_health(head.method, route.target):
                # Whoever asks whether it is ready wants to hear no, not to wait; but
                # one that is at zero shall know that somebody wants it.
                self.held(balancer.service)
                raise balancer.unavailable("it has no replica")
            return route
        if is_operation(head.target):
            check_head(head)
            return ByBody.BY_BODY
        path = head.target.partition(b"?")[0].decode("latin-1")
        answer = page(self, head.method, path)
        if answer is None:
            raise self._table.unknown(head.host, path)
        return answer

    def _balancer(self, service: Service) -> Balancer:
        settings = self.settings
        return Balancer(
            service, max_waiting=settings.max_waiting, retry_after=settings.retry_after
        )

    def _tell(
        self,
        kind: Literal["held", "refused"],
        service: Service,
        endpoint: str,
        message: str,
    ) -> None:
        if self._on_event is None:
            return
        event = GatewayEvent(
            kind=kind,
            namespace=service.namespace,
            name=service.name,
            endpoint=endpoint,
            message=message,
        )
        try:
            self._on_event(event)
        except Exception:
            self.logger.exception("the receiver of gateway events failed")

    async def _sweep(self) -> None:
        """Look at every deadline often: cheaper than a timer per request."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                self._expire(self.now())
            except Exception:
                self.logger.exception("the sweep over connections failed")

    def _expire(self, now: float) -> None:
        for client in list(self._clients):
            exchange = client.exchange
            if exchange is not None and exchange.deadline <= now:
                exchange.expire()
            elif client.read_deadline <= now or client.write_deadline <= now:
                client.expire()
        oldest = now - self.settings.upstream_idle_timeout
        for balancer in list(self._balancers.values()):
            if balancer.waiting:
                balancer.serve_waiting(now)
            for replica in balancer.replicas():
                for upstream in [u for u in replica.idle if u.idle_since < oldest]:
                    replica.idle.remove(upstream)
                    upstream.close()


def _cannot_listen(
    host: str, port: int, error: Exception, setting: str
) -> BackendError:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        message = f"port {port} on {host} is taken by another process"
        free = " (0: any)" if setting == "port" else ""
        remedy = f"stop it, or choose another port with --set gateway.{setting}=PORT"
        remedy += free
    elif code == errno.EACCES:
        message = f"port {port} on {host} needs more rights than this process has"
        remedy = f"choose a port above 1023 with --set gateway.{setting}=PORT"
    else:
        message = f"the gateway cannot listen on {host}:{port}: {error}"
        remedy = f"check the settings gateway.host and gateway.{setting}"
    return BackendError(message, remedy=remedy)
