"""V2 JSON by hand, for the servers that have no V2 protocol of their own.

It checks less than a server must: these peers are measured with a lighter protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

NUMPY = {"FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}
DATATYPES = {
    "tensor(int64)": "INT64",
    "tensor(float)": "FP32",
    "tensor(string)": "BYTES",
}


class OnnxJson:
    """One ONNX file that takes and gives V2 JSON as dictionaries."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self.outputs = self.session.get_outputs()

    def infer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer the request *body*."""
        feed = {
            tensor["name"]: np.array(tensor["data"], NUMPY[tensor["datatype"]]).reshape(
                tensor["shape"]
            )
            for tensor in body["inputs"]
        }
        values = self.session.run(None, feed)
        outputs = [
            {
                "name": node.name,
                "shape": list(value.shape),
                "datatype": DATATYPES[node.type],
                "data": value.ravel().tolist(),
            }
            for node, value in zip(self.outputs, values, strict=True)
        ]
        return {"model_name": self.name, "outputs": outputs}
