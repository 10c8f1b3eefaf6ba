"""Sockets to listen on, and what to do where one cannot be had."""

from __future__ import annotations

import errno
import socket

from inferry.errors import BackendError

BACKLOG = 2048
_LAST_PORT = 65535


def bind(host: str, port: int, flag: str = "--http_port") -> socket.socket:
    """Return a socket that is bound to *host* and *port*; port 0 is any free one.

    *flag* is what chooses another port, for the errors.

    Raises:
        BackendError: The port is taken, the address is none of this machine's, or the
            port needs more rights.

    """
    if not 0 <= port <= _LAST_PORT:
        raise BackendError(
            f"cannot listen on {host} port {port}", remedy=f"ports go to {_LAST_PORT}"
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise _explain(error, host, port, flag) from error


def _explain(error: OSError, host: str, port: int, flag: str) -> BackendError:
    if error.errno == errno.EADDRINUSE:
        return BackendError(
            f"port {port} on {host} is taken",
            remedy=f"stop the process that holds it or choose another with {flag}",
        )
    if error.errno == errno.EACCES:
        return BackendError(
            f"port {port} on {host} needs more rights",
            remedy=f"choose one above 1023 with {flag}",
        )
    # socket.create_server repeats the address in brackets.
    why = (error.strerror or str(error)).partition(" (")[0]
    return BackendError(
        f"cannot listen on {host} port {port}: {why}",
        remedy="choose an address of this machine with --host",
    )
