"""Ask a booster for each of its outputs, by the names that LightGBM gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from inferry_runtime_lightgbm._text import Header

    Array = np.ndarray[Any, Any]

__all__ = ["PREDICT", "Outputs"]

PREDICT, CLASS, PROBABILITIES = "predict", "predict_class", "predict_proba"
_KINDS = ("raw_score", "pred_leaf", "pred_contrib")
_HALF = 0.5
_DTYPES = {CLASS: np.int64, "pred_leaf": np.int32}


class Outputs:
    """One booster and what it can be asked for.

    A booster may be asked in many threads: LightGBM locks what it shares. The number of
    threads is said with each call; what the file says is that of the training.
    """

    def __init__(self, booster: Any, header: Header, *, threads: int) -> None:  # noqa: ANN401 - lightgbm has no types
        self._booster = booster
        self._threads = threads
        objective = header.objective[0] if header.objective else ""
        self._binary = objective == "binary"
        classifies = objective in {"binary", "multiclass", "multiclassova"}
        given = (PREDICT, CLASS, PROBABILITIES) if classifies else (PREDICT,)
        #: In this order in metadata and answers.
        self.names = given + _KINDS

    def dtype(self, name: str) -> Any:  # noqa: ANN401 - what numpy takes as one
        """Return the type of the numbers of the output *name*."""
        return _DTYPES.get(name, np.float64)

    def answer(self, name: str, rows: Array) -> Array:
        """Return the output *name* for each of *rows*, at least one.

        Raises:
            lightgbm.basic.LightGBMError: LightGBM cannot.

        """
        if name in _KINDS:
            return self._predict(rows, **{name: True})
        found = self._predict(rows)
        if name == PREDICT:
            return found
        if name == PROBABILITIES:
            return np.column_stack([1 - found, found]) if self._binary else found
        best: Array = (
            (found > _HALF).astype(np.int64) if self._binary else found.argmax(axis=1)
        )
        return best

    def _predict(self, rows: Array, **what: bool) -> Array:
        found: Array = self._booster.predict(rows, num_threads=self._threads, **what)
        return found
