"""Connect to checked addresses: what is looked up once is what is connected to.

The certificate is still checked against the name, for the name is what the pool of
connections knows; a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry_storage.network.guard import Guard

_FAILURES = (httpcore.ConnectError, httpcore.ConnectTimeout)


class GuardedDialling(httpcore.NetworkBackend):
    """Dials for clients of threads."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of *host* that is allowed and answers.

        Raises:
            BlockedAddress: No address of the host is allowed.

        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        addresses = self._guard.lookup(host, port)
        until = _Deadline(timeout)
        for left, address in _counted(addresses):
            try:
                return self._plain.connect_tcp(
                    address, port, until.share(left), local_address, socket_options
                )
            except _FAILURES as error:
                failure = error
        raise failure


class GuardedAsyncDialling(httpcore.AsyncNetworkBackend):
    """Dials for clients of an event loop."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore passes it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of *host* that is allowed and answers.

        Raises:
            BlockedAddress: No address of the host is allowed.

        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        addresses = await self._guard.lookup_async(host, port)
        until = _Deadline(timeout)
        for left, address in _counted(addresses):
            try:
                return await self._plain.connect_tcp(
                    address, port, until.share(left), local_address, socket_options
                )
            except _FAILURES as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks between attempts."""
        await self._plain.sleep(seconds)


def dial(guard: Guard, host: str, port: int, timeout: float | None) -> socket.socket:
    """Return a socket that is connected to an address of *host* that is allowed.

    Raises:
        BlockedAddress: No address of the host is allowed.
        httpcore.ConnectError: None of them takes the connection.

    """
    failure: Exception = httpcore.ConnectError(f"{host} has no address")
    addresses = guard.lookup(host, port)
    until = _Deadline(timeout)
    for left, address in _counted(addresses):
        try:
            found = socket.create_connection((address, port), until.share(left))
        except TimeoutError:
            failure = httpcore.ConnectTimeout(f"{host} did not answer")
        except OSError as error:
            failure = httpcore.ConnectError(f"{host}: {error.strerror or error}")
        else:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return found
    raise failure


class _Deadline:
    """Shares the time to connect among the addresses that are left to try."""

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def share(self, left: int) -> float | None:
        if self._end is None:
            return None
        return max(0.1, (self._end - time.monotonic()) / left)


def _counted(addresses: list[str]) -> Iterable[tuple[int, str]]:
    """Pair each address with how many are left, itself included."""
    return zip(range(len(addresses), 0, -1), addresses, strict=True)
