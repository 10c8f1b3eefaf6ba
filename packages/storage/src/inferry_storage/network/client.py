"""The HTTP clients that every backend over HTTP shares, guarded and without retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from inferry_storage.network import quiet
from inferry_storage.network.transport import (
    GuardedBlockingTransport,
    GuardedTransport,
)

if TYPE_CHECKING:
    import ssl

    from inferry_storage.network.guard import Guard

CONNECT_SECONDS = 15.0
#: A compressed answer would hide how many bytes there are.
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "inferry"}


def open_client(
    guard: Guard, context: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client of an event loop; it follows no redirect by itself.

    ``context`` is for TLS of its own, such as with a certificate of the client.
    """
    quiet.hush()
    return httpx.AsyncClient(
        transport=GuardedTransport(guard, context=context),
        timeout=_timeout(guard),
        headers=HEADERS,
        follow_redirects=False,
        trust_env=False,
    )


def open_blocking_client(
    guard: Guard, context: ssl.SSLContext | None = None
) -> httpx.Client:
    """Return a client for threads, which may share it."""
    quiet.hush()
    return httpx.Client(
        transport=GuardedBlockingTransport(guard, context=context),
        timeout=_timeout(guard),
        headers=HEADERS,
        follow_redirects=False,
        trust_env=False,
    )


def _timeout(guard: Guard) -> httpx.Timeout:
    seconds = guard.policy.stall_seconds
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
