"""TrainedModel: one model in a server of many."""

from __future__ import annotations

from inferry.api._meta import Api, ObjectMeta


class TrainedModelModel(Api, frozen=True):
    """``model`` of a TrainedModel; ``memory`` is a quantity."""

    storage_uri: str
    framework: str
    memory: str | int | float


class TrainedModelSpec(Api, frozen=True):
    """``spec`` of a TrainedModel; ``inferenceService`` names its server."""

    inference_service: str
    model: TrainedModelModel


class TrainedModel(Api, frozen=True):
    """``serving.kserve.io/v1alpha1`` TrainedModel."""

    metadata: ObjectMeta
    spec: TrainedModelSpec
    api_version: str = "serving.kserve.io/v1alpha1"
    kind: str = "TrainedModel"
