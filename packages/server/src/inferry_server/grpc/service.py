"""The services of the port and what answers each of their RPCs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from inferry_server.grpc import reflection, rpc
from inferry_server.grpc.contract.inference import SERVICE
from inferry_server.grpc.health import Health
from inferry_server.grpc.inference import Inference
from inferry_server.grpc.information import Information
from inferry_server.grpc.management import Management
from inferry_server.grpc.memory import Memory
from inferry_server.grpc.settings import Settings
from inferry_server.grpc.streaming import Streaming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.calls import Calls
    from inferry_server.services import Services


class Service:
    """Answers all RPCs with *services*; *calls* hears of each inference."""

    def __init__(self, services: Services, calls: Calls) -> None:
        self._inference = Inference(services, calls)
        self._streaming = Streaming(self._inference)
        self._information = Information(services)
        self._health = Health(self._information, services.models)
        self._answers = {
            **self._information.answers,
            **Management(services).answers,
            **Memory(services.memory).answers,
            **Settings(services).answers,
        }

    def handlers(self) -> Sequence[Any]:
        """Return the handlers of all services, for a server of gRPC."""
        methods: dict[str, Any] = {
            name: rpc.unary(name, f"{name}Request", answer)
            for name, answer in self._answers.items()
        }
        methods["ModelInfer"] = grpc.unary_unary_rpc_method_handler(
            self._inference.infer
        )
        methods["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self._streaming.infer
        )
        inference = grpc.method_handlers_generic_handler(SERVICE, methods)
        return (inference, self._health.handler(), *reflection.handlers())

    def drain(self) -> None:
        """Become not ready; requests are answered as before."""
        self._information.draining = True
        self._health.changed()

    def changed(self) -> None:
        """Tell those who watch of a model's new state."""
        self._health.changed()

    def close(self) -> None:
        """End what would never end by itself: watches, and streams once idle."""
        self._health.close()
        self._streaming.close()
