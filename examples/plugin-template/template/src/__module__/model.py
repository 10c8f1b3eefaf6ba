"""`{{ class }}Model`: outputs = inputs x weights + bias."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INPUT = "input"
OUTPUT = "output"


class {{ class }}Model:
    """A linear model; `predict` is safe in many threads at once."""

    # Rows are independent of each other, so the server may join requests.
    batching = True
    max_concurrency = 4

    def __init__(self) -> None:
        self._weights = np.empty((0, 0))
        self._bias = np.empty(0)
        self._softmax = False

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Read the arrays `weights` and `bias` from the .npz file at *path*.

        Raises:
            ModelLoadError: With what is wrong with the file, and what to do.

        """
        file = _find(path)
        arrays = _read(file)
        weights, bias = (_numbers(file, arrays, name) for name in ("weights", "bias"))
        if weights.ndim != 2 or bias.shape != weights.shape[1:]:
            raise ModelLoadError(
                f"{file.name}: weights has shape {weights.shape}, bias {bias.shape}",
                remedy="save weights as (inputs, outputs) and bias as (outputs,)",
            )
        self._weights, self._bias = weights, bias
        self._softmax = bool(options.get("softmax", False))

    def metadata(self) -> ModelMetadata:
        """Return the signature; the server checks requests and decodes V1 by it."""
        inputs, outputs = self._weights.shape
        return ModelMetadata(
            inputs=(TensorSpec(name=INPUT, datatype="FP64", shape=(-1, inputs)),),
            outputs=(TensorSpec(name=OUTPUT, datatype="FP64", shape=(-1, outputs)),),
            platform="{{ name }}",
        )

    def predict(self, request: InferRequest) -> InferResponse:
        """Answer one request.

        Raises:
            InvalidInput: A name, a datatype or a shape does not fit.

        """
        unknown = set(request.outputs) - {OUTPUT}
        if unknown:
            raise InvalidInput(f"unknown output {min(unknown)!r}, expected {OUTPUT!r}")
        values = self._checked(request) @ self._weights + self._bias
        if self._softmax:
            values = np.exp(values - values.max(axis=1, keepdims=True))
            values /= values.sum(axis=1, keepdims=True)
        return InferResponse(
            outputs=(Tensor(name=OUTPUT, datatype="FP64", data=values),)
        )

    def unload(self) -> None:
        """Free the arrays."""
        self._weights, self._bias = np.empty((0, 0)), np.empty(0)

    def _checked(self, request: InferRequest) -> np.ndarray[Any, Any]:
        names = [tensor.name for tensor in request.inputs]
        if names != [INPUT]:
            raise InvalidInput(f"inputs are {names}, expected one called {INPUT!r}")
        tensor = request.inputs[0]
        if tensor.datatype != "FP64":
            raise InvalidInput(f"input {INPUT!r} is {tensor.datatype}, expected FP64")
        width = self._weights.shape[0]
        if tensor.data.ndim != 2 or tensor.data.shape[1] != width:
            raise InvalidInput(
                f"input {INPUT!r} has shape {list(tensor.data.shape)}, "
                f"expected [-1, {width}]"
            )
        return tensor.data


def _find(path: Path) -> Path:
    """Return the one .npz file that *path* is or holds."""
    if path.is_file():
        return path
    files = sorted(path.glob("*.npz"))
    if len(files) != 1:
        found = ", ".join(sorted(each.name for each in path.iterdir())[:10])
        raise ModelLoadError(
            f"expected one *.npz in {path}, found: {found or 'nothing'}",
            remedy="point storageUri at the file, or leave one in the folder",
        )
    return files[0]


def _read(file: Path) -> Mapping[str, Any]:
    try:
        # Pickles run code; numbers need none.
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (AttributeError, EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ModelLoadError(
            f"{file.name} is no .npz file of plain arrays: {error}",
            remedy="write it with numpy.savez(file, weights=..., bias=...)",
        ) from error


def _numbers(file: Path, arrays: Mapping[str, Any], name: str) -> np.ndarray[Any, Any]:
    if name not in arrays:
        raise ModelLoadError(
            f"{file.name} has no array {name!r}, only {', '.join(sorted(arrays))}",
            remedy="write it with numpy.savez(file, weights=..., bias=...)",
        )
    try:
        return np.ascontiguousarray(arrays[name], dtype="float64")
    except (TypeError, ValueError) as error:
        said = f"{file.name}: {name} holds no numbers: {error}"
        raise ModelLoadError(said) from error
