"""The settings of the server, section ``[server]``; this imports no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from inferry.plugins import SettingsSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    Type = Literal["bool", "float", "int", "list", "str"]

SECTION = "server"
_MIB = 1024 * 1024
_SPECS: tuple[tuple[str, Type, Any, str], ...] = (
    (
        "max_body_bytes",
        "int",
        64 * _MIB,
        "Largest request body, also once inflated.",
    ),
    ("max_message_bytes", "int", 64 * _MIB, "Largest message of gRPC, either way."),
    ("max_header_bytes", "int", 64 * 1024, "Largest head of a request."),
    ("max_elements", "int", 2**26, "Most elements of one tensor."),
    (
        "max_inflate_ratio",
        "int",
        200,
        "How many times its size a compressed body may inflate to.",
    ),
    (
        "max_connections",
        "int",
        4096,
        "Connections at one time; one more is answered 503.",
    ),
    (
        "memory_budget",
        "int",
        0,
        "Bytes that all models may hold; the least recently asked give way. 0: any.",
    ),
    (
        "queue_size",
        "int",
        256,
        "Calls that may wait for a model; one more is answered 503.",
    ),
    (
        "request_timeout",
        "float",
        0.0,
        "Seconds until a request is answered 504; 0 is never.",
    ),
    (
        "load_timeout",
        "float",
        600.0,
        "Seconds that a model may take to load and warm up; 0 is for ever.",
    ),
    (
        "drain_timeout",
        "float",
        30.0,
        "Seconds that requests in flight have when the server stops.",
    ),
    (
        "keep_alive_timeout",
        "float",
        65.0,
        "Seconds that an idle connection stays open.",
    ),
    (
        "read_timeout",
        "float",
        60.0,
        "Seconds without a byte after which half a request is dropped.",
    ),
    (
        "fast_lane",
        "bool",
        True,
        "Answer plain requests beside ASGI; nothing but the time differs.",
    ),
    ("docs", "bool", True, "Serve /docs and /openapi.json."),
    (
        "forwarded_headers",
        "list",
        (),
        "Names of the request headers that models get to see.",
    ),
    (
        "api_keys",
        "str",
        "",
        "File with a key per line, or env:VARIABLE; refuses whoever has none.",
    ),
    (
        "jwt_keys",
        "str",
        "",
        "JWKS file with public keys; refuses whoever has no token of one.",
    ),
    ("jwt_issuer", "str", "", "What tokens must have as iss; empty takes any."),
    ("jwt_audience", "str", "", "What tokens must have as aud; empty takes any."),
    (
        "middleware",
        "list",
        (),
        "ASGI middleware as module:attribute, outermost first.",
    ),
    (
        "ce_type",
        "str",
        "io.kserve.inference.response",
        "The type of answers to CloudEvents; CE_TYPE of the environment wins.",
    ),
    (
        "ce_source",
        "str",
        "",
        "Their source, empty is io.kserve.inference.MODEL; CE_SOURCE wins.",
    ),
    (
        "ce_merge",
        "bool",
        False,
        "Whether they keep the request's other attributes; CE_MERGE wins.",
    ),
    ("tracing", "bool", False, "Send traces with OpenTelemetry."),
    ("log_requests", "bool", False, "Log a line for each request."),
    (
        "allow_management",
        "bool",
        False,
        "Let models be loaded and unloaded over the inference ports.",
    ),
    (
        "allow_uploads",
        "list",
        (),
        "Files that a load over the API may bring along: names or globs.",
    ),
    (
        "allow_shared_memory",
        "bool",
        False,
        "Let requests name regions of this machine's shared memory.",
    ),
)


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield what `inferry_server.settings.ServerSettings` can be told."""
    for key, kind, default, text in _SPECS:
        yield SettingsSpec(
            section=SECTION, key=key, type=kind, default=default, help=text
        )
