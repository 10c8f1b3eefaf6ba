"""The RPCs that tell about the server and its models; none waits for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import ParseDict

from inferry.errors import ModelNotFound, ModelNotReady
from inferry_server.described import counted, server_metadata
from inferry_server.grpc.messages import message
from inferry_server.memory import ModelAsleep
from inferry_server.model_config import model_config, model_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inferry_server.loaded import LoadedModel
    from inferry_server.services import Services


class Information:
    """Answers from *services*; ``draining`` makes the server not ready."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._models = services.models
        self._statistics = services.statistics
        self.draining = False
        self.answers: Mapping[str, Callable[[Any], Any]] = {
            "ModelConfig": self._config,
            "ModelMetadata": self._metadata,
            "ModelReady": self._model_ready,
            "ModelStatistics": self._told_statistics,
            "ServerLive": lambda _: message("ServerLiveResponse")(live=True),
            "ServerMetadata": self._server,
            "ServerReady": lambda _: message("ServerReadyResponse")(ready=self.ready),
        }

    @property
    def ready(self) -> bool:
        """Whether a model serves, and none is still on its way."""
        return self._models.ready and not self.draining

    def _model_ready(self, request: Any) -> Any:  # noqa: ANN401 - messages
        # Whoever asks whether a model is ready is not served by an error: one that is
        # unknown is not ready, as with Triton. KServe answers NOT_FOUND.
        try:
            model = self._models.get(request.name, request.version or None)
        except ModelAsleep:  # the next request wakes it
            return message("ModelReadyResponse")(ready=True)
        except (ModelNotFound, ModelNotReady):
            return message("ModelReadyResponse")(ready=False)
        return message("ModelReadyResponse")(ready=not model.why_unhealthy)

    def _metadata(self, request: Any) -> Any:  # noqa: ANN401 - messages
        model = self._models.get(request.name, request.version or None)
        if model.passing is not None:
            return model.passing.told_over_grpc("ModelMetadata", request)
        return message("ModelMetadataResponse")(**model_metadata(model))

    def _config(self, request: Any) -> Any:  # noqa: ANN401 - messages
        model = self._models.get(request.name, request.version or None)
        if model.passing is not None:
            return model.passing.told_over_grpc("ModelConfig", request)
        answer = message("ModelConfigResponse")()
        # What the table leaves out is not set here: it has the value of what is unset.
        ParseDict(model_config(model), answer.config, ignore_unknown_fields=True)
        return answer

    def _told_statistics(self, request: Any) -> Any:  # noqa: ANN401 - messages
        of = self._statistics.of
        asked = tuple(self._asked(request.name, request.version or None))
        if request.name and asked[0].passing is not None:
            return asked[0].passing.told_over_grpc("ModelStatistics", request)
        found = [counted(of(model.name), model.versions[-1]) for model in asked]
        return ParseDict({"model_stats": found}, message("ModelStatisticsResponse")())

    def _asked(self, name: str, version: str | None) -> Iterable[LoadedModel]:
        if name:
            return (self._models.get(name, version),)
        return sorted(self._models.serving(), key=lambda model: model.name)

    def _server(self, _request: Any) -> Any:  # noqa: ANN401 - messages
        return message("ServerMetadataResponse")(**server_metadata(self._settings))
