"""The gateway's settings: section ``gateway`` of inferry.toml, declared once, here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB = 1024
MIB = 1024 * 1024

Text = Annotated[str, Meta(min_length=1)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


def _help(text: str) -> Meta:
    return Meta(description=text)


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """Where the gateway listens, what it accepts and how long it waits."""

    host: Annotated[Text, _help("address to listen on")] = "127.0.0.1"
    port: Annotated[Port, _help("port to listen on; 0 takes any free one")] = 8080
    grpc_port: Annotated[
        Port, _help("one more port, for gRPC; 0 for none: `port` takes gRPC as well")
    ] = 0
    max_header_bytes: Annotated[Count, _help("largest request head (431)")] = 32 * KIB
    max_headers: Annotated[Count, _help("most header fields of a request (431)")] = 100
    max_body_bytes: Annotated[Count, _help("largest request body (413)")] = 64 * MIB
    max_message_bytes: Annotated[
        Count, _help("largest gRPC message, both ways (RESOURCE_EXHAUSTED)")
    ] = 64 * MIB
    max_held_bytes: Annotated[
        Count, _help("most bytes of gRPC requests held at a time (RESOURCE_EXHAUSTED)")
    ] = 1024 * MIB
    max_streams: Annotated[
        Count, _help("most gRPC calls of one connection at a time")
    ] = 1024
    max_connections: Annotated[Count, _help("most client connections at a time")] = 8192
    hold_seconds: Annotated[
        Seconds, _help("how long a request waits for a free replica (503)")
    ] = 30.0
    max_waiting: Annotated[
        Count, _help("most requests of one service that wait for a replica (503)")
    ] = 1024
    retry_after: Annotated[
        Seconds, _help("what Retry-After of a 503 says, in seconds")
    ] = 1.0
    refused_hold_seconds: Annotated[
        Seconds, _help("how long to retry while every replica refuses to connect (502)")
    ] = 5.0
    connect_timeout: Annotated[
        Seconds, _help("seconds to wait for a replica to accept a connection")
    ] = 5.0
    header_timeout: Annotated[
        Seconds, _help("seconds a client has to send a request's head (408)")
    ] = 10.0
    body_timeout: Annotated[
        Seconds, _help("seconds a client may stall within a request's body (408)")
    ] = 30.0
    idle_timeout: Annotated[
        Seconds, _help("seconds after which an idle client connection is closed")
    ] = 75.0
    write_timeout: Annotated[
        Seconds, _help("seconds a client may leave its answer unread")
    ] = 60.0
    upstream_idle_timeout: Annotated[
        Seconds, _help("seconds an idle connection to a replica is kept")
    ] = 4.0
    trust_forwarded: Annotated[
        bool, _help("keep X-Forwarded-* of clients: set it behind a trusted proxy")
    ] = False

    @classmethod
    def from_section(cls, section: Mapping[str, Any]) -> GatewaySettings:
        """Build the settings from section ``gateway``, ignoring keys of others.

        Raises:
            msgspec.ValidationError: a value has the wrong type or is out of bounds.
        """
        known = {k: section[k] for k in cls.__struct_fields__ if k in section}
        return msgspec.convert(known, cls)
