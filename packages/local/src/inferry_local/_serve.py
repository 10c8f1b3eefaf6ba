"""Import Ray Serve, without what it imports only because it happens to be there."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def import_serve() -> Any:  # noqa: ANN401 - Ray ships no types
    """Return the module ``ray.serve``."""
    with _without("pandas"):
        from ray import serve
    return serve


@contextmanager
def cheap_imports() -> Iterator[None]:
    """Take about a tenth less time for Ray's imports.

    The collector looks in vain, again and again, at all that modules create. And Ray
    imports wcwidth, where it is there, for tables that are never printed.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        with _without("wcwidth"):
            yield
    finally:
        if collects:
            gc.enable()


def replicas_on_loopback() -> None:
    """Let Serve's replicas in this process listen on 127.0.0.1 only.

    Each opens a gRPC server for calls between deployments, on all interfaces and
    without authentication. Requests do not pass through it here.
    """
    from ray.serve._private import replica

    add_port = replica.add_port_to_grpc_server

    def add_loopback_port(server: Any, address: str) -> Any:  # noqa: ANN401
        return add_port(server, f"127.0.0.1:{address.rpartition(':')[2]}")

    replica.add_port_to_grpc_server = add_loopback_port


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Hide an optional module from imports, unless it is there already.

    Ray Serve imports pandas where it is installed and does without where it is not;
    that is half of its import time, in each of its processes.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
