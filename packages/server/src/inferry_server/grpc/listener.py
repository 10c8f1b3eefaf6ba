"""A port with gRPC behind it, in a loop that somebody else runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from inferry.errors import BackendError
from inferry_server.auth.interceptor import GuardInterceptor
from inferry_server.grpc.service import Service
from inferry_server.sockets import bind

if TYPE_CHECKING:
    from inferry_server.auth.gatekeeper import Gatekeeper
    from inferry_server.calls import Calls
    from inferry_server.services import Services
    from inferry_server.settings import ServerSettings

#: Calls at a time, of one connection and of all.
_STREAMS = 1000
_CALLS = 10_000
_SECOND = 1000
_FLAG = "--grpc_port"


class Listener:
    """Serves the models from `start` to `stop`."""

    def __init__(
        self,
        services: Services,
        calls: Calls,
        *,
        gatekeeper: Gatekeeper | None = None,
    ) -> None:
        self._settings = services.settings
        self._guards = [] if gatekeeper is None else [GuardInterceptor(gatekeeper)]
        self._service = Service(services, calls)
        self._server: Any = None

    async def start(self) -> int:
        """Bind, accept from now on, and return the port.

        Raises:
            BackendError: The address cannot be had.

        """
        host, port = self._settings.host, self._settings.grpc_port or 0
        # gRPC says only that it failed, a socket says why.
        bind(host, port, _FLAG).close()
        server = grpc.aio.server(
            options=_options(self._settings),
            interceptors=self._guards,
            maximum_concurrent_rpcs=_CALLS,
        )
        server.add_generic_rpc_handlers(tuple(self._service.handlers()))
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = server.add_insecure_port(address)
        except RuntimeError as error:
            raise BackendError(
                f"port {port} on {host} cannot be had for gRPC",
                remedy=f"choose another with {_FLAG}",
            ) from error
        await server.start()
        self._server = server
        return int(bound)

    def changed(self) -> None:
        """Tell those who watch the health of a model's new state."""
        self._service.changed()

    def drain(self) -> None:
        """Become not ready."""
        self._service.drain()

    async def stop(self, patience: float) -> None:
        """Stop accepting; what is in flight has *patience* seconds."""
        if self._server is not None:
            self._service.close()
            await self._server.stop(patience)


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    return [
        # Without this a second server on a port takes half of its connections.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", settings.max_header_bytes),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_concurrent_streams", _STREAMS),
        # A client that is gone without a word keeps no connection.
        ("grpc.keepalive_time_ms", 60 * _SECOND),
        ("grpc.keepalive_timeout_ms", 20 * _SECOND),
        ("grpc.server_handshake_timeout_ms", 20 * _SECOND),
        # What pings more often than once in ten seconds is cut off.
        ("grpc.http2.min_ping_interval_without_data_ms", 10 * _SECOND),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_ping_strikes", 2),
    ]
