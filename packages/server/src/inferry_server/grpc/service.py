"""The RPCs of the inference service and what answers each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from inferry_server.grpc.contract.inference import SERVICE
from inferry_server.grpc.inference import Inference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_server.calls import Calls
    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings


class Service:
    """Answers the RPCs with *models*."""

    def __init__(self, models: Models, settings: ServerSettings, calls: Calls) -> None:
        self._inference = Inference(models, settings, calls)

    def handlers(self) -> Sequence[Any]:
        """Return the handlers of all services, for a server of gRPC."""
        infer: Any = grpc.unary_unary_rpc_method_handler(self._inference.infer)
        return (grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": infer}),)
