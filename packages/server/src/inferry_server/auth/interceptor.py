"""The gatekeeper in front of gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from inferry_server.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inferry_server.auth.gatekeeper import Gatekeeper

#: What a kubelet asks, which has no key.
_OPEN = "/grpc.health.v1.Health/"


class GuardInterceptor(grpc.aio.ServerInterceptor):
    """Passes on only the calls that *gatekeeper* admits; health is open."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper

    async def intercept_service(
        self,
        continuation: Callable[[Any], Awaitable[Any]],
        handler_call_details: Any,  # noqa: ANN401 - grpc's
    ) -> Any:  # noqa: ANN401 - grpc's
        """Return the handler of the call, or one that refuses it."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_OPEN):
            return handler
        headers = {
            key: value
            for key, value in handler_call_details.invocation_metadata or ()
            if isinstance(value, str)
        }
        try:
            self._gatekeeper.admit(headers)
        except Unauthorized as error:
            return _refusing(str(error))
        return handler


def _refusing(text: str) -> Any:  # noqa: ANN401 - grpc's
    """Return a handler that ends the call.

    It takes a stream, whatever the call is: a single message would be read first.
    """

    async def refuse(_requests: object, context: Any) -> Any:  # noqa: ANN401 - grpc's
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, text)
        yield  # a generator, as streams are

    return grpc.stream_stream_rpc_method_handler(refuse)
