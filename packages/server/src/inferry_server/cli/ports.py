"""The ports that nobody chose, and what is said about all of them."""

from __future__ import annotations

import errno
import logging
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import BackendError
from inferry_server.cli.specs import in_cluster
from inferry_server.sockets import bind

if TYPE_CHECKING:
    from collections.abc import Collection

    from inferry_server.settings import ServerSettings
    from inferry_server.states import Ports

logger = logging.getLogger("inferry_server")

_LOOPBACK = "127.0.0.1"


def settled(
    settings: ServerSettings, chosen: Collection[str]
) -> tuple[ServerSettings, list[str]]:
    """Put any free port for a taken one that nobody chose; return what to say of it.

    A second server on a laptop then needs nothing but its own ``--http_port``. In a pod
    a port is what others rely on, so there a taken one is an error as ever.
    """
    if in_cluster():
        return settings, []
    ports: dict[str, int] = {}
    notes = []
    for flag, name, host in (
        ("grpcPort", "grpc_port", settings.host),
        ("managementPort", "management_port", _LOOPBACK),
    ):
        port = getattr(settings, name)
        if flag not in chosen and _is_taken(host, port):
            ports[name] = 0
            notes.append(f"port {port} is taken, so --{name} is any free one")
    return msgspec.structs.replace(settings, **ports), notes


def open_to_strangers(settings: ServerSettings) -> list[str]:
    """Return what to say of a server that lets anybody on its network do too much."""
    if settings.api_keys or settings.jwt_keys or _is_loopback(settings.host):
        return []
    opened = {
        "--allow_management": settings.allow_management,
        "--allow_shared_memory": settings.allow_shared_memory,
    }
    return [
        f"{flag} is for whoever reaches {settings.host}: set --api_keys or --jwt_keys, "
        "or leave it out"
        for flag, is_open in opened.items()
        if is_open
    ]


def announce(host: str, ports: Ports) -> None:
    """Say on which ports the server listens, one line each."""
    shown = f"[{host}]" if ":" in host else host
    logger.info("listening on http://%s:%d", shown, ports.http)
    if ports.grpc is not None:
        logger.info("listening on grpc://%s:%d", shown, ports.grpc)
    if ports.management is not None:
        logger.info(
            "listening on http://%s:%d for management", _LOOPBACK, ports.management
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_taken(host: str, port: int | None) -> bool:
    if not port:
        return False
    try:
        bind(host, port).close()
    except BackendError as error:
        # Anything else is wrong with every port, and is better said of the first.
        return getattr(error.__cause__, "errno", None) == errno.EADDRINUSE
    return False
