"""``grpc.health.v1.Health``: of the server, of the service, of each model by its name.

The server, whose name is empty, is SERVING where it is ready.
Source: gRPC, "GRPC Health Checking Protocol".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc

from inferry.errors import InferryError, ModelNotFound
from inferry_server.grpc import rpc
from inferry_server.grpc.contract.inference import SERVICE
from inferry_server.grpc.contract.standard import HEALTH_SERVICE
from inferry_server.grpc.errors import refuse
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry_server.grpc.information import Information
    from inferry_server.models import Models

_PACKAGE = "grpc.health.v1"
_SERVING = 1
_NOT_SERVING = 2
_SERVICE_UNKNOWN = 3


class Health:
    """Answers from *information* and *models*; `changed` wakes those who watch."""

    def __init__(self, information: Information, models: Models) -> None:
        self._information = information
        self._models = models
        self._watching: set[asyncio.Event] = set()
        self._closed = False

    def changed(self) -> None:
        """Look again what those who watch are to be told."""
        for event in self._watching:
            event.set()

    def close(self) -> None:
        """End all watches."""
        self._closed = True
        self.changed()

    def handler(self) -> Any:  # noqa: ANN401 - grpc's
        """Return the handler of the service."""
        return grpc.method_handlers_generic_handler(
            HEALTH_SERVICE,
            {
                "Check": rpc.unary(
                    "Check", "HealthCheckRequest", self._check, _PACKAGE
                ),
                "List": rpc.unary("List", "HealthListRequest", self._list, _PACKAGE),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
            },
        )

    def _status(self, service: str) -> int:
        if service in ("", SERVICE):
            return _SERVING if self._information.ready else _NOT_SERVING
        if service not in self._models:
            return _SERVICE_UNKNOWN
        is_ready = self._models.state(service).phase == "Ready"
        draining = self._information.draining
        return _SERVING if is_ready and not draining else _NOT_SERVING

    def _check(self, request: Any) -> Any:  # noqa: ANN401 - messages
        status = self._status(request.service)
        if status == _SERVICE_UNKNOWN:
            raise ModelNotFound(f"there is no service or model {request.service!r}")
        return message("HealthCheckResponse", _PACKAGE)(status=status)

    def _list(self, _request: Any) -> Any:  # noqa: ANN401 - messages
        answer = message("HealthListResponse", _PACKAGE)()
        for service in ("", SERVICE, *self._models.states()):
            answer.statuses[service].status = self._status(service)
        return answer

    async def _watch(
        self,
        body: bytes,
        context: Any,  # noqa: ANN401 - grpc's
    ) -> AsyncIterator[bytes]:
        try:
            service = rpc.read(body, "HealthCheckRequest", _PACKAGE).service
        except InferryError as error:
            refuse(context, error, "Watch")
            return
        event = asyncio.Event()
        self._watching.add(event)
        told = None
        try:
            while True:
                status = self._status(service)
                if status != told:
                    told = status
                    answer = message("HealthCheckResponse", _PACKAGE)(status=status)
                    yield answer.SerializeToString()
                if self._closed:
                    return
                await event.wait()
                event.clear()
        finally:
            self._watching.discard(event)
