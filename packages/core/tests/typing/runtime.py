"""Models as third parties write them: no base class, `def` and `async def`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import (
    InferRequest,
    InferResponse,
    Model,
    ModelMetadata,
    Tensor,
    TensorSpec,
)
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Doubler:
    """A model that answers in a worker thread, with most optional methods."""

    batching = True
    max_concurrency = 4

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Load nothing but check that something is there."""
        if not path.exists():
            raise ModelLoadError(
                f"{path} does not exist",
                reason=Reason.ModelNotFound,
                remedy="correct the storageUri",
            )
        self.factor = float(options.get("factor", 2))

    def metadata(self) -> ModelMetadata:
        """Return the signature."""
        spec = TensorSpec(name="x", datatype="FP64", shape=(-1,))
        return ModelMetadata(inputs=(spec,), outputs=(spec,), platform="acme")

    def warm_up(self) -> InferRequest | None:
        """Return the request that must succeed before the model is ready."""
        data = np.zeros(1)
        return InferRequest(inputs=(Tensor(name="x", datatype="FP64", data=data),))

    def predict(self, request: InferRequest) -> InferResponse:
        """Return the input, multiplied."""
        if not request.inputs:
            raise InvalidInput("give one input")
        (tensor,) = request.inputs
        data = tensor.data * self.factor
        return InferResponse(outputs=(Tensor(name="x", datatype="FP64", data=data),))

    def unload(self) -> None:
        """Free nothing."""


class Waiter:
    """A model that answers on the event loop."""

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Load nothing."""

    async def predict(self, request: InferRequest) -> InferResponse:
        """Return the inputs."""
        return InferResponse(outputs=request.inputs)

    def unload(self) -> None:
        """Free nothing."""


MODELS: tuple[Model, ...] = (Doubler(), Waiter())
