"""What a model server can be told, each with the default that suits a laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024
_ENDLESS_AT_ZERO = ("request_timeout", "load_timeout")


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one server; times are in seconds, None means no limit.

    A port 0 takes any free one; ``grpc_port`` None serves no gRPC, ``management_port``
    None opens none for loading and unloading. ``allow_management`` opens these on the
    inference ports too, ``allow_uploads`` names the files that a load may bring along.
    ``max_elements`` bounds each tensor, ``max_inflate_ratio`` a compressed body.
    ``api_keys`` is a file with a key per line and ``jwt_keys`` a JWKS file; either
    closes the server to whom has none. ``middleware`` names ASGI middleware as
    ``module:attribute``, outermost first. ``fast_lane`` False sends every request
    through ASGI, which answers the same.

    ``ce_type`` and ``ce_source`` name what answers to CloudEvents are; an empty source
    is made of the model's name, and ``ce_merge`` keeps the request's other attributes.

    ``memory_budget`` is how many bytes the models may hold together, 0 any number; see
    `inferry_server.memory`. ``queue_size`` bounds the calls that wait for a model,
    beyond those that run.
    ``drain_delay`` is how long a server that stops still accepts, because clients learn
    late that it does; ``drain_timeout`` is what requests in flight then have.
    ``forwarded_headers`` reach the model, by lower-case name.
    """

    host: str = "127.0.0.1"
    http_port: int = 8080
    grpc_port: int | None = None
    management_port: int | None = None
    allow_management: bool = False
    allow_uploads: tuple[str, ...] = ()
    allow_shared_memory: bool = False
    api_keys: str = ""
    jwt_keys: str = ""
    jwt_issuer: str = ""
    jwt_audience: str = ""
    middleware: tuple[str, ...] = ()
    fast_lane: bool = True
    tracing: bool = False
    log_requests: bool = False
    ce_type: str = "io.kserve.inference.response"
    ce_source: str = ""
    ce_merge: bool = False
    max_body_bytes: int = 64 * MIB
    max_message_bytes: int = 64 * MIB
    max_elements: int = 2**26
    max_inflate_ratio: int = 200
    max_connections: int = 4096
    max_header_bytes: int = 64 * 1024
    queue_size: int = 256
    memory_budget: int = 0
    request_timeout: float | None = None
    load_timeout: float | None = 600.0
    drain_delay: float = 0.0
    drain_timeout: float = 30.0
    keep_alive_timeout: float = 65.0
    read_timeout: float = 60.0
    docs: bool = True
    forwarded_headers: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        section: Mapping[str, Any],
        **more: Any,  # noqa: ANN401 - fields of any type
    ) -> ServerSettings:
        """Return the settings of *section*, the ``[server]`` of `inferry.config`.

        *more* has the last word; 0 for a timeout that may be endless means endless.
        """
        fields = {**section, **more}
        for name in _ENDLESS_AT_ZERO:
            fields[name] = fields.get(name, getattr(cls(), name)) or None
        names = fields.get("forwarded_headers", ())
        fields["forwarded_headers"] = tuple(name.lower() for name in names)
        return cls(**fields)
