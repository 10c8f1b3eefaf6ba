"""From what an estimator returns to a V2 tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InferenceError
from inferry.runtime import tensors

if TYPE_CHECKING:
    from inferry.model import Tensor


def tensor(name: str, result: Any) -> Tensor:  # noqa: ANN401 - whatever a method returns
    """Return *result* of the method *name* as a tensor.

    Sparse matrices become dense, DataFrames lose their names, the list that a
    multi-output classifier gives becomes one axis more, text becomes BYTES.

    Raises:
        InferenceError: No tensor can hold it.

    """
    if type(result) is np.ndarray:
        pass  # which is what most methods return
    elif hasattr(result, "toarray"):
        result = result.toarray()
    elif hasattr(result, "to_numpy"):
        result = result.to_numpy()
    elif isinstance(result, list):
        result = _stack(name, result)
    array = np.asarray(result)
    if array.dtype == object:
        array = _unboxed(array)
    return tensors.tensor(name, np.ascontiguousarray(array))


def _stack(name: str, parts: list[Any]) -> np.ndarray[Any, Any]:
    shapes = {np.shape(part) for part in parts}
    if len(shapes) > 1:
        raise InferenceError(
            f"{name} returned arrays of different shapes, which no V2 tensor can hold"
        )
    arrays = [np.asarray(part) for part in parts]
    return np.stack(arrays, axis=1 if arrays and arrays[0].ndim else 0)


def _unboxed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return numbers that were kept as objects as numbers; leave text alone."""
    if array.size and not any(isinstance(item, (str, bytes)) for item in array.flat):
        return np.array(array.tolist())
    return array
