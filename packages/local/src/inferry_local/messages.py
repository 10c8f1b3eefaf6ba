"""What replicas and the supervisor tell each other: JSON lines over a unix socket."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ModelPhase = Literal["Pending", "Loading", "WarmingUp", "Ready", "Failed", "Unloaded"]

#: A line longer than this ends the connection: no message is near it.
MAX_LINE_BYTES = 1024 * 1024


class ReplicaSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a replica is told when it starts; it travels through Ray as JSON.

    ``environment`` is set before anything of the model is imported, ``forget`` are
    variables that Ray sets for its workers and the user did not. ``model`` and
    ``server`` are the fields of `inferry_server.ModelSpec` and `ServerSettings`;
    without a ``model`` the replica waits to be told of some.
    """

    socket: str
    application: str
    revision: str
    logs: str
    model: dict[str, Any]
    server: dict[str, Any] = {}
    environment: dict[str, str] = {}
    drain_timeout: float = 30.0
    forget: tuple[str, ...] = ()


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The first line of a replica: who it is, and the process that it is."""

    application: str
    replica: str
    pid: int


class Listening(msgspec.Struct, frozen=True, kw_only=True, tag="listening"):
    """The replica's server accepts connections on these ports of 127.0.0.1.

    ``grpc_port`` 0: it does not answer gRPC.
    """

    port: int
    grpc_port: int = 0


class State(msgspec.Struct, frozen=True, kw_only=True, tag="state"):
    """Where one model is; the fields of `inferry_server.ModelState`.

    ``unhonoured`` are lines about fields of the service that the loaded model cannot
    honour, which nobody could know before.
    """

    name: str
    phase: ModelPhase
    reason: str = ""
    message: str = ""
    remedy: str = ""
    progress: float | None = None
    unhonoured: tuple[str, ...] = ()


class Leaving(msgspec.Struct, frozen=True, kw_only=True, tag="leaving"):
    """Ray Serve ends the replica: no more requests, please."""


class Drained(msgspec.Struct, frozen=True, kw_only=True, tag="drained"):
    """No request is in flight any more and none is accepted."""


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag="drain"):
    """Accept no more requests, finish those in flight, then say `Drained`."""


class Load(msgspec.Struct, frozen=True, kw_only=True, tag="load"):
    """Load a model beside those there are; fields of `inferry_server.ModelSpec`."""

    model: dict[str, Any]


class Unload(msgspec.Struct, frozen=True, kw_only=True, tag="unload"):
    """Let go of a model, after what it still computes."""

    name: str


FromReplica = Hello | Listening | State | Leaving | Drained
ToReplica = Drain | Load | Unload

_decode_from: msgspec.json.Decoder[FromReplica] = msgspec.json.Decoder(FromReplica)
_decode_to: msgspec.json.Decoder[ToReplica] = msgspec.json.Decoder(ToReplica)
_encoder = msgspec.json.Encoder()


def line(message: FromReplica | ToReplica | ReplicaSpec) -> bytes:
    """Encode *message* as one line."""
    return _encoder.encode(message) + b"\n"


def from_replica(data: bytes) -> FromReplica:
    """Decode a line that a replica sent."""
    return _decode_from.decode(data)


def to_replica(data: bytes) -> ToReplica:
    """Decode a line that the supervisor sent."""
    return _decode_to.decode(data)
