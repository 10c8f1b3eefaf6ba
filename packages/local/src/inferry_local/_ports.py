"""Look at the port before anything is started: who has it, and what to do."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket

from inferry.errors import BackendError
from inferry_local._instances import instances


def check(host: str, port: int) -> None:
    """Do nothing if *port* can be listened on; 0 means any.

    Raises:
        BackendError: It is taken, by whom if that is known, or may not be used.

    """
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _refused(host, port, error) from None


def loopback(host: str) -> bool:
    """Say whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(host: str, port: int, error: OSError) -> BackendError:
    if error.errno == errno.EACCES:
        msg = f"port {port} may only be used by root"
        return BackendError(msg, remedy="choose one above 1023 with --port")
    if error.errno != errno.EADDRINUSE:
        msg = f"{host} port {port} cannot be listened on: {error.strerror or error}"
        return BackendError(msg, remedy="choose another --host or --port")
    if any(instance.port == port for instance in instances()):
        msg = f"another `inferry run` serves port {port}"
        remedy = "give it more with `inferry apply FILE`, or choose another --port"
        return BackendError(msg, remedy=remedy)
    owner = _owner(port)
    msg = f"port {port} is taken{f' by {owner}' if owner else ''}"
    return BackendError(msg, remedy=f"choose another, such as --port {port + 1}")


def _owner(port: int) -> str:
    """Return the name and pid of the process that listens on *port*, if we may know."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            local = connection.laddr
            listening = connection.status == psutil.CONN_LISTEN
            if listening and local and local.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {connection.pid})"
    return ""
