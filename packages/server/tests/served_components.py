"""Transformers and explainers for the tests, by target ``served_components:Class``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.model import InferRequest, InferResponse, Tensor

if TYPE_CHECKING:
    from pathlib import Path


def scaled(tensors: tuple[Tensor, ...], factor: float) -> tuple[Tensor, ...]:
    return tuple(
        msgspec.structs.replace(
            tensor, datatype="FP32", data=(tensor.data * factor).astype(np.float32)
        )
        for tensor in tensors
    )


class Doubles:
    """Doubles what goes in and negates what comes out, in threads."""

    def preprocess(self, request: InferRequest) -> InferRequest:
        return InferRequest(inputs=scaled(request.inputs, 2), id=request.id)

    def postprocess(self, response: InferResponse) -> InferResponse:
        return InferResponse(outputs=scaled(response.outputs, -1))


class AsyncDoubles(Doubles):
    """The same on the loop."""

    async def preprocess(self, request: InferRequest) -> InferRequest:
        return super().preprocess(request)

    async def postprocess(
        self, response: InferResponse, request: InferRequest
    ) -> InferResponse:
        assert request.model_name == "m"
        return super().postprocess(response)


class Passes:
    """Changes nothing."""

    def preprocess(self, request: InferRequest) -> InferRequest:
        return request


class Loads(Passes):
    """Takes what `load` is given."""

    def load(self, path: Path, options: dict[str, Any]) -> None:
        self.factor = float(options["factor"])

    def postprocess(self, response: InferResponse) -> InferResponse:
        return InferResponse(outputs=scaled(response.outputs, self.factor))

    def unload(self) -> None:
        type(self).unloaded = True


class Explains:
    """Explains by asking the predictor for each input without it."""

    def explain(self, request: InferRequest) -> InferResponse:
        base = self.predictor.predict(request).outputs[0].data
        (tensor,) = request.inputs
        effects = []
        for column in range(tensor.data.shape[1]):
            without = tensor.data.copy()
            without[:, column] = 0
            asked = InferRequest(
                inputs=(msgspec.structs.replace(tensor, data=without),)
            )
            effects.append(base - self.predictor.predict(asked).outputs[0].data)
        data = np.stack(effects, axis=1).astype(np.float32)
        return InferResponse(
            outputs=(Tensor(name="effect", datatype="FP32", data=data),)
        )


class AsyncExplains:
    """Answers what the predictor does."""

    async def explain(self, request: InferRequest) -> InferResponse:
        answer = await self.predictor.predict(request)
        return InferResponse(outputs=scaled(answer.outputs, 10))


class Instead:
    """Answers by itself."""

    def predict(self, request: InferRequest) -> InferResponse:
        return InferResponse(outputs=request.inputs)


class Dicts:
    """Works on the bodies of V1."""

    def preprocess_v1(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"instances": [row["x"] for row in body["rows"]]}

    async def postprocess_v1(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"answers": body["predictions"]}


class V1Headers:
    """Passes the bodies of V1 on as they are."""

    def preprocess_v1(self, body: Any) -> Any:
        return body


class ReturnsNothing:
    def preprocess(self, request: InferRequest) -> None:
        return None


class NoComponent:
    """Has no step."""


class ShowsHeaders:
    """A predictor that answers with the headers that it sees."""

    def load(self, path: Path, options: dict[str, Any]) -> None:
        pass

    def predict(self, request: InferRequest) -> InferResponse:
        text = msgspec.json.encode(dict(sorted(request.headers.items())))
        data = np.array([text], object)
        return InferResponse(
            outputs=(Tensor(name="seen", datatype="BYTES", data=data),)
        )
