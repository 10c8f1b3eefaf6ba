"""Models that answer what they are asked: any datatype, slowly, wrongly, in pieces.

Served with ``--model_class conformance.echo:Echo``. What a request wants beyond its own
tensors back is in its parameters: ``delay`` (seconds), ``fail`` (the name of an error),
``pieces`` (how many answers `stream` gives), ``report`` (how many calls began and
ended, in place of the tensors).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.errors import InvalidInput
from inferry.model import InferResponse, ModelMetadata, Tensor, TensorSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from inferry.model import InferRequest

_FAILURES = {"InvalidInput": InvalidInput, "ValueError": ValueError}


class Echo:
    """Gives each input back under its own name; takes any input there is."""

    def __init__(self) -> None:
        self.began = 0
        self.ended = 0

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Nothing to free."""

    async def predict(self, request: InferRequest) -> InferResponse:
        """Return the inputs, those that are asked for, after ``delay`` seconds."""
        if request.parameters.get("report"):
            return self.report()
        self.began += 1
        try:
            await _behave(request)
            return InferResponse(outputs=_wanted(request))
        finally:
            self.ended += 1

    async def stream(self, request: InferRequest) -> AsyncIterator[InferResponse]:
        """Return the inputs ``pieces`` times, ``delay`` seconds apart."""
        self.began += 1
        try:
            for index in range(int(request.parameters.get("pieces", 1))):
                await _behave(request)
                given = {"piece": index}
                yield InferResponse(outputs=_wanted(request), parameters=given)
        finally:
            self.ended += 1

    async def explain(self, request: InferRequest) -> InferResponse:
        """Return the inputs, as `predict`."""
        return await self.predict(request)

    def report(self) -> InferResponse:
        """Return how many calls began and ended as ``calls``, INT64 [2]."""
        data = np.array([self.began, self.ended], "int64")
        return InferResponse(
            outputs=(Tensor(name="calls", datatype="INT64", data=data),)
        )


class Blocking(Echo):
    """The same in threads, one call at a time: what comes meanwhile has to wait."""

    max_concurrency = 1

    def predict(self, request: InferRequest) -> InferResponse:  # type: ignore[override]
        """Return the inputs after ``delay`` seconds."""
        if request.parameters.get("report"):
            return self.report()
        self.began += 1
        time.sleep(float(request.parameters.get("delay", 0)))
        self.ended += 1
        return InferResponse(outputs=_wanted(request))


class Typed(Echo):
    """The same, signed: ``values`` FP32 [-1, 2] and ``texts`` BYTES [-1, 1]."""

    batching = True

    def metadata(self) -> ModelMetadata:
        """Return the same two tensors as inputs and as outputs."""
        return _signed(
            TensorSpec(name="values", datatype="FP32", shape=(-1, 2)),
            TensorSpec(name="texts", datatype="BYTES", shape=(-1, 1)),
        )


class Halves(Echo):
    """``half`` FP16 [-1, 3] and ``brain`` BF16 [-1, 3], which need raw bytes."""

    def metadata(self) -> ModelMetadata:
        """Return the same two tensors as inputs and as outputs."""
        return _signed(
            TensorSpec(name="half", datatype="FP16", shape=(-1, 3)),
            TensorSpec(name="brain", datatype="BF16", shape=(-1, 3)),
        )


class Scores(Echo):
    """``scores`` FP32 [-1, 3] as they come, to be classified."""

    def metadata(self) -> ModelMetadata:
        """Return one input, which is the output."""
        return _signed(TensorSpec(name="scores", datatype="FP32", shape=(-1, 3)))


class Talk(Echo):
    """``text_input`` BYTES [-1] comes back as ``text_output``, as a stream of words."""

    def metadata(self) -> ModelMetadata:
        """Return a text as input and a text as output."""
        return ModelMetadata(
            inputs=(TensorSpec(name="text_input", datatype="BYTES", shape=(-1,)),),
            outputs=(TensorSpec(name="text_output", datatype="BYTES", shape=(-1,)),),
        )

    async def predict(self, request: InferRequest) -> InferResponse:
        """Return the text in capitals."""
        await _behave(request)
        return _said(request.inputs[0].data[0].upper())

    async def stream(self, request: InferRequest) -> AsyncIterator[InferResponse]:
        """Return the words of the text one by one; ``fail`` comes after the first."""
        for index, word in enumerate(request.inputs[0].data[0].upper().split()):
            if index:
                await _behave(request)
            yield _said(word)


def _said(text: bytes) -> InferResponse:
    data = np.empty(1, object)
    data[0] = text
    return InferResponse(
        outputs=(Tensor(name="text_output", datatype="BYTES", data=data),)
    )


def _signed(*specs: TensorSpec) -> ModelMetadata:
    return ModelMetadata(inputs=specs, outputs=specs, platform="echo")


async def _behave(request: InferRequest) -> None:
    asked = request.parameters
    if asked.get("delay"):
        await asyncio.sleep(float(asked["delay"]))
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
