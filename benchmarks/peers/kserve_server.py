"""The three models on KServe's own Python server, its access and trace logs off."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid

ONNX_DATATYPES = {
    "tensor(int64)": "INT64",
    "tensor(float)": "FP32",
    "tensor(string)": "BYTES",
}


class OnnxModel(Model):
    """One ONNX file, as KServe's documentation writes a custom predictor."""

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self.outputs = self.session.get_outputs()
        self.ready = True

    def predict(
        self,
        payload: dict[str, Any] | InferRequest,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | InferResponse:
        """Run the model; a V1 payload is a dictionary."""
        del headers, response_headers
        name = self.session.get_inputs()[0].name
        if isinstance(payload, dict):
            rows = np.array(payload["instances"], np.float32)
            label, probabilities = self.session.run(None, {name: rows})
            pairs = zip(label.tolist(), probabilities.tolist(), strict=True)
            return {"predictions": [{"label": a, "probabilities": b} for a, b in pairs]}
        (tensor,) = payload.inputs
        array = tensor.as_numpy()
        if array.dtype == object and isinstance(array.flat[0], bytes):
            array = np.array([text.decode() for text in array], np.object_)
        values = self.session.run(None, {name: array})
        binary = any(
            (output.parameters or {}).get("binary_data")
            for output in payload.request_outputs or []
        )
        return InferResponse(
            payload.id or generate_uuid(),
            self.name,
            [
                self._output(*pair, payload, binary=binary)
                for pair in zip(self.outputs, values, strict=True)
            ],
            use_binary_outputs=binary,
            requested_outputs=payload.request_outputs,
        )

    def _output(
        self,
        node: onnxruntime.NodeArg,
        value: np.ndarray,
        request: InferRequest,
        *,
        binary: bool,
    ) -> InferOutput:
        output = InferOutput(node.name, list(value.shape), ONNX_DATATYPES[node.type])
        # An answer over gRPC has the form of its request: typed contents or raw.
        typed = request.inputs[0]._raw_data is None  # noqa: SLF001 - there is no other way
        output.set_data_from_numpy(
            value, binary_data=binary or (request.from_grpc and not typed)
        )
        return output


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--grpc-port", type=int, required=True)
    arguments = parser.parse_args()
    models = [
        OnnxModel(file.parent.name, file)
        for file in sorted(arguments.models.glob("*/model.onnx"))
    ]
    server = ModelServer(
        http_port=arguments.http_port,
        grpc_port=arguments.grpc_port,
        workers=1,
        enable_grpc=True,
        enable_latency_logging=False,
    )
    # After the server has set its loggers up, which it does when it is made.
    for name in ("kserve", "kserve.trace", "uvicorn", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    server.start(models)


if __name__ == "__main__":
    main()
