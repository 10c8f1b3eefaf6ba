"""The gRPC connection to one replica, shared by all calls that go there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from grpc import ChannelConnectivity, aio

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from inferry_gateway._services import Endpoint
    from inferry_gateway._settings import GatewaySettings

_READY = ChannelConnectivity.READY
_FAILED = frozenset(
    {ChannelConnectivity.TRANSIENT_FAILURE, ChannelConnectivity.SHUTDOWN}
)


class Channel:
    """A channel that closes when it is retired and its last call is over.

    ``closing`` is handed the work of closing, once.
    """

    __slots__ = ("_calls", "_closing", "_retired", "raw")

    def __init__(
        self,
        endpoint: Endpoint,
        settings: GatewaySettings,
        closing: Callable[[Channel, Coroutine[Any, Any, None]], object],
    ) -> None:
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        self.raw = aio.insecure_channel(
            f"{host}:{endpoint.grpc_port}",
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_metadata_size", settings.max_header_bytes),
                # A channel that replaces a failed one shall not inherit its rest.
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.enable_http_proxy", 0),
                ("grpc.service_config_disable_resolution", 1),
            ],
        )
        self._calls = 0
        self._retired = False
        self._closing = closing

    async def connect(self, timeout: float) -> bool:  # noqa: ASYNC109 - says no instead
        """Return whether the replica accepts connections, within *timeout* seconds."""
        state = self.raw.get_state(try_to_connect=True)
        if state is _READY:
            return True
        try:
            async with asyncio.timeout(timeout):
                while state is not _READY and state not in _FAILED:
                    await self.raw.wait_for_state_change(state)
                    state = self.raw.get_state(try_to_connect=True)
        except TimeoutError:
            pass
        return state is _READY

    def unary(self, method: str) -> aio.UnaryUnaryMultiCallable[bytes, bytes]:
        """Return what calls *method* with one request for one answer."""
        return self.raw.unary_unary(method)

    def stream(self, method: str) -> aio.StreamStreamMultiCallable[bytes, bytes]:
        """Return what calls *method* with messages both ways."""
        return self.raw.stream_stream(method)

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self.raw.get_state() is _READY

    def take(self) -> None:
        """Count a call that begins."""
        self._calls += 1

    def done(self) -> None:
        """Count a call that is over."""
        self._calls -= 1
        self._close_if_unused()

    def close(self) -> None:
        """Take no new call; close as soon as the last one is over."""
        self._retired = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._retired and not self._calls:
            self._calls = -1
            self._closing(self, self.raw.close())
