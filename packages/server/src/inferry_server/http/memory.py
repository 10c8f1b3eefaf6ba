"""The routes of the shared memory extension.

Clients tidy up before they begin and after, whether they use shared memory or not, so
asking and unregistering always work.
Source: Triton, "Shared-Memory Extension".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from inferry.errors import InvalidInput, ModelNotFound
from inferry_server.errors import NotPermitted, Unsupported
from inferry_server.http.documents import document, read_object

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from inferry_server.http.exchange import Request, Response
    from inferry_server.http.routes import Kind, Route
    from inferry_server.services import Services


class _Segment(Struct):
    key: str
    byte_size: int
    offset: int = 0


class Memory:
    """Answers for the shared memory regions of *services*."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._regions = services.memory
        self.handlers: Mapping[Kind, Callable[[Request, Route], Awaitable[Response]]]
        self.handlers = {
            "memory_register": self._register,
            "memory_status": self._status,
            "memory_unregister": self._unregister,
        }

    async def _register(self, request: Request, route: Route) -> Response:
        if route.memory == "cuda":
            raise Unsupported("CUDA shared memory is not supported; use system memory")
        if self._regions is None:
            raise NotPermitted(
                "shared memory is closed; start the server with --allow_shared_memory"
            )
        content = await read_object(request, self._settings)
        try:
            segment = msgspec.convert(content, _Segment)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"no region of shared memory: {error}") from None
        self._regions.register(
            route.region, segment.key, segment.offset, segment.byte_size
        )
        return document({})

    async def _status(self, _request: Request, route: Route) -> Response:
        return document(self._listed(route))

    def _listed(self, route: Route) -> list[dict[str, Any]]:
        if route.memory == "system" and self._regions is not None:
            found = self._regions.status(route.region)
            return [msgspec.structs.asdict(status) for status in found]
        if route.region:
            raise ModelNotFound(
                f"Unable to find {route.memory} shared memory region: "
                f"{route.region[:100]!r}"
            )
        return []

    async def _unregister(self, request: Request, route: Route) -> Response:
        await read_object(request, self._settings)
        if route.memory == "system" and self._regions is not None:
            self._regions.unregister(route.region)
        return document({})
