"""A model of Triton's Python backend: one ONNX file in onnxruntime.

The benchmark copies this file to ``NAME/1/model.py`` beside ``model.onnx``.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

if not hasattr(threading.RLock(), "_recursion_count"):
    # The interpreter inside the stub is older than the standard library that it finds,
    # whose `multiprocessing` and `threading` call this.
    threading._CRLock = None  # noqa: SLF001 - see above
    threading.RLock = threading._PyRLock  # noqa: SLF001 - see above

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    """Called by the Python backend."""

    def initialize(self, args: dict[str, Any]) -> None:
        """Open the model and refuse the numpy that the stub misreads."""
        if int(np.__version__.partition(".")[0]) > 1:
            raise RuntimeError("the stub returns empty tensors with numpy 2")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        folder = Path(args["model_repository"], args["model_version"])
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.input = self.session.get_inputs()[0].name
        self.outputs = [node.name for node in self.session.get_outputs()]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each of *requests*."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - Triton's own types
        tensor = triton.get_input_tensor_by_name(request, self.input).as_numpy()
        if tensor.dtype == object:
            tensor = np.array([text.decode() for text in tensor], np.object_)
        values = self.session.run(self.outputs, {self.input: tensor})
        return triton.InferenceResponse(
            [
                triton.Tensor(
                    name,
                    np.array([text.encode() for text in value], np.object_)
                    if value.dtype == object
                    else value,
                )
                for name, value in zip(self.outputs, values, strict=True)
            ]
        )
