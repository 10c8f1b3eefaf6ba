"""A model that answers what it is asked: any datatype, slowly, wrongly, in pieces.

Served with ``--model_class echo:Echo``. What a request wants beyond its own tensors
back is in its parameters: ``delay`` (seconds), ``fail`` (the name of an error),
``pieces`` (how many answers `stream` gives).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import InvalidInput
from inferry.model import InferResponse, ModelMetadata, TensorSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from inferry.model import InferRequest, Tensor

_FAILURES = {"InvalidInput": InvalidInput, "ValueError": ValueError}


class Echo:
    """Gives each input back under its own name; takes any input there is."""

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Nothing to free."""

    async def predict(self, request: InferRequest) -> InferResponse:
        """Return the inputs, those that are asked for, after ``delay`` seconds."""
        await _behave(request)
        return InferResponse(outputs=_wanted(request))

    async def stream(self, request: InferRequest) -> AsyncIterator[InferResponse]:
        """Return the inputs ``pieces`` times, ``delay`` seconds apart."""
        for index in range(int(request.parameters.get("pieces", 1))):
            await _behave(request)
            yield InferResponse(outputs=_wanted(request), parameters={"piece": index})

    async def explain(self, request: InferRequest) -> InferResponse:
        """Return the inputs, as `predict`."""
        return await self.predict(request)


class Typed(Echo):
    """The same, signed: ``values`` FP32 [-1, 2] and ``texts`` BYTES [-1, 1]."""

    batching = True

    def metadata(self) -> ModelMetadata:
        """Return the same two tensors as inputs and as outputs."""
        both = (
            TensorSpec(name="values", datatype="FP32", shape=(-1, 2)),
            TensorSpec(name="texts", datatype="BYTES", shape=(-1, 1)),
        )
        return ModelMetadata(inputs=both, outputs=both, platform="echo")


class Halves(Echo):
    """``half`` FP16 [-1, 3] and ``brain`` BF16 [-1, 3], which need raw bytes."""

    def metadata(self) -> ModelMetadata:
        """Return the same two tensors as inputs and as outputs."""
        both = (
            TensorSpec(name="half", datatype="FP16", shape=(-1, 3)),
            TensorSpec(name="brain", datatype="BF16", shape=(-1, 3)),
        )
        return ModelMetadata(inputs=both, outputs=both)


class Scores(Echo):
    """``scores`` FP32 [-1, 3] as they come, with labels for the classification."""

    def metadata(self) -> ModelMetadata:
        """Return one input, which is the output."""
        one = (TensorSpec(name="scores", datatype="FP32", shape=(-1, 3)),)
        return ModelMetadata(inputs=one, outputs=one)


async def _behave(request: InferRequest) -> None:
    asked = request.parameters
    if asked.get("delay"):
        await asyncio.sleep(float(asked["delay"]))
    if asked.get("fail") == "exit":
        os._exit(9)
    if asked.get("fail"):
        raise _FAILURES[str(asked["fail"])]("as asked: secret-of-the-model")


def _wanted(request: InferRequest) -> tuple[Tensor, ...]:
    given = {tensor.name: tensor for tensor in request.inputs}
    for name in request.outputs:
        if name not in given:
            raise InvalidInput(f"no output {name!r}; there are {', '.join(given)}")
    names = request.outputs or tuple(given)
    # Parameters of an input, such as its size in bytes, are none of the output.
    return tuple(msgspec.structs.replace(given[name], parameters={}) for name in names)
