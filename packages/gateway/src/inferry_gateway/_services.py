"""What the gateway is told to route: services, their revisions and endpoints."""

from __future__ import annotations

from msgspec import Struct

_MAX_PORT = 65_535


class Endpoint(Struct, frozen=True):
    """One replica that answers HTTP/1.1; ``id`` names it in reports and metrics.

    ``grpc_port`` is where it answers gRPC as well, 0 where it does not.
    """

    host: str
    port: int
    id: str
    grpc_port: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.port <= _MAX_PORT:
            msg = f"endpoint {self.id!r}: port {self.port} is not in 1..{_MAX_PORT}"
            raise ValueError(msg)
        if not 0 <= self.grpc_port <= _MAX_PORT:
            msg = f"endpoint {self.id!r}: gRPC port {self.grpc_port} is not a port"
            raise ValueError(msg)


class Target(Struct, frozen=True):
    """One revision, its share of the traffic and the replicas that carry it.

    ``slots`` is how many requests one endpoint gets at a time; 0 means no limit. A
    weight of 0 gets no traffic.
    """

    revision: str
    weight: int
    endpoints: tuple[Endpoint, ...] = ()
    slots: int = 0

    def __post_init__(self) -> None:
        if self.weight < 0 or self.slots < 0:
            msg = f"revision {self.revision!r}: weight and slots must not be negative"
            raise ValueError(msg)


class Service(Struct, frozen=True):
    """A declared service: the names it answers to and where its requests go.

    ``timeout`` is in seconds: from the end of the request to the start of the answer,
    and the longest silence within the answer. ``unavailable`` is said in the 503 of a
    request for which no replica became free. Without ``hold`` that is said at once
    where there is no replica at all: waiting would not help.
    """

    namespace: str
    name: str
    hosts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    timeout: float | None = None
    unavailable: str = ""
    hold: bool = True

    @property
    def key(self) -> str:
        """The service as people write it: ``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def prefix(self) -> str:
        """The path under which the gateway serves it on any host."""
        return f"/serving/{self.namespace}/{self.name}"
