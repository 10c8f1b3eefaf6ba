"""The models that `api` asks: they answer whatever fits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 5


class Echo:
    """Gives back its inputs; declares nothing."""

    def load(self, path: object, options: dict[str, Any]) -> None:
        """Need no files."""

    def predict(self, request: InferRequest) -> InferResponse:
        """Give back what came."""
        return InferResponse(outputs=request.inputs)

    def explain(self, request: InferRequest) -> InferResponse:
        """Give back what came."""
        return self.predict(request)

    def unload(self) -> None:
        """Free nothing."""


class Pair(Echo):
    """Declares a text and a row of four numbers."""

    def metadata(self) -> ModelMetadata:
        """Describe both."""
        specs = (
            TensorSpec(name="text_input", datatype="BYTES", shape=(-1,)),
            TensorSpec(name="input", datatype="FP32", shape=(-1, 4)),
        )
        return ModelMetadata(inputs=specs, outputs=specs, versions=("1", "2"))


class Counter(Echo):
    """Streams a few numbers."""

    def metadata(self) -> ModelMetadata:
        """Describe them."""
        return ModelMetadata(
            inputs=(TensorSpec(name="count", datatype="INT32", shape=(1,)),),
            outputs=(TensorSpec(name="count", datatype="INT32", shape=(1,)),),
        )

    def stream(self, request: InferRequest) -> Iterator[InferResponse]:
        """Yield as many answers as are asked for, five at most."""
        for number in range(min(_MOST, int(request.inputs[0].data[0]))):
            data = np.array([number], np.int32)
            yield InferResponse(
                outputs=(Tensor(name="count", datatype="INT32", data=data),)
            )
