"""The echo inside Triton: its Python backend imports this file as ``model.py``."""

from __future__ import annotations

import triton_python_backend_utils as backend


class TritonPythonModel:
    """Gives each input back under its own name."""

    def execute(self, requests: list) -> list:
        """Answer *requests*."""
        return [
            backend.InferenceResponse([_same(each) for each in request.inputs()])
            for request in requests
        ]


def _same(tensor: backend.Tensor) -> backend.Tensor:
    if tensor.name() == "BF16":  # numpy has no such type
        return backend.Tensor.from_dlpack(tensor.name(), tensor.to_dlpack())
    return backend.Tensor(tensor.name(), tensor.as_numpy())
