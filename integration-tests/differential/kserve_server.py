"""Run in an environment of its own: KServe's server with the models to compare."""

from __future__ import annotations

from typing import Any

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Echo(Model):
    """Gives each input back under its own name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True

    async def predict(
        self,
        payload: InferRequest | dict[str, Any],
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> InferResponse | dict[str, Any]:
        """Answer V1 and V2."""
        if isinstance(payload, dict):
            return {"predictions": payload["instances"]}
        outputs = []
        for given in payload.inputs:
            output = InferOutput(given.name, list(given.shape), given.datatype)
            output.set_data_from_numpy(given.as_numpy(), binary_data=True)
            outputs.append(output)
        return InferResponse(
            response_id=payload.id,
            model_name=self.name,
            infer_outputs=outputs,
            requested_outputs=payload.request_outputs,
            use_binary_outputs=payload.use_binary_outputs,
        )


class Typed(Echo):
    """The same with a signature."""

    async def get_input_types(self) -> list[dict[str, Any]]:
        """Return two tensors."""
        return [
            {"name": "values", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "texts", "datatype": "BYTES", "shape": [-1, 1]},
        ]

    async def get_output_types(self) -> list[dict[str, Any]]:
        """Return the same two tensors."""
        return await self.get_input_types()


if __name__ == "__main__":
    ModelServer(enable_latency_logging=False).start([Echo("echo"), Typed("typed")])
