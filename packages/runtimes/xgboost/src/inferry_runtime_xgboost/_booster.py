"""Ask a booster: in place where XGBoost can, which is safe in many threads."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from inferry.errors import ModelLoadError
from inferry.runtime import devices
from inferry.status import Reason
from inferry_runtime_xgboost import _signature as names

if TYPE_CHECKING:
    from inferry_runtime_xgboost._document import Document
    from inferry_runtime_xgboost._signature import Signature

    Array = np.ndarray[Any, Any]

__all__ = ["Predictor"]

_HALF = 0.5
_ALL = (0, 0)


class Predictor:
    """One booster, its device and how many of its trees answer."""

    def __init__(
        self,
        booster: Any,  # noqa: ANN401 - xgboost has no types
        signature: Signature,
        *,
        threads: int,
        device: str,
        best: bool,
    ) -> None:
        self._booster = booster
        self._objective = signature.objective
        self._types = list(signature.types) or None
        self._threads = threads
        # On a GPU XGBoost would make a matrix of every table that lies in main memory.
        self._in_place = signature.booster != "gblinear" and device == "cpu"
        self._range = _ALL
        if best and signature.best_iteration is not None:
            self._range = (0, signature.best_iteration + 1)
        self._lock = threading.Lock()

    @classmethod
    def made(
        cls,
        document: Document,
        signature: Signature,
        *,
        threads: int,
        device: str,
        trees: str,
    ) -> Predictor:
        """Give the checked *document* to XGBoost.

        Raises:
            ModelLoadError: XGBoost refuses it, or there is no such device.

        """
        wanted = devices.named(device)
        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(document.data))
        except xgboost.core.XGBoostError as error:
            raise ModelLoadError(
                f"XGBoost {xgboost.__version__} cannot read {document.name}: "
                f"{str(error).splitlines()[0]}",
                reason=Reason.ModelCorrupt,
                remedy="save the model again with booster.save_model('model.ubj')",
            ) from error
        booster.set_param({"nthread": threads})
        used = next((each for each in wanted if _works(booster, signature, each)), None)
        if used is None:
            raise ModelLoadError(
                f"XGBoost sees no {device} on this machine",
                remedy="install the driver of the GPU, or use the option device=cpu",
            )
        best = trees == "best" or (trees == "auto" and signature.wrapped)
        return cls(booster, signature, threads=threads, device=used, best=best)

    def answer(self, output: str, rows: Array) -> Array:
        """Return *output* for each of *rows*, as XGBoost and its classes give it.

        Raises:
            xgboost.core.XGBoostError: XGBoost cannot.

        """
        if output == names.PREDICT:
            return self._predict(rows)
        if output == names.CLASS:
            return self._classes(rows)
        if output == names.PROBABILITIES:
            return self._probabilities(rows)
        if output == names.MARGIN:
            return self._predict(rows, margin=True)
        if output == names.LEAF:
            return self._through_matrix(rows, pred_leaf=True).astype(np.int32)
        return self._through_matrix(rows, pred_contribs=True)

    def _predict(self, rows: Array, *, margin: bool = False) -> Array:
        if not self._in_place:
            return self._through_matrix(rows, output_margin=margin)
        found: Array = self._booster.inplace_predict(
            rows,
            iteration_range=self._range,
            predict_type="margin" if margin else "value",
            validate_features=False,
        )
        return found

    def _through_matrix(self, rows: Array, **what: bool) -> Array:
        matrix = xgboost.DMatrix(
            rows,
            feature_types=self._types,
            enable_categorical=True,
            nthread=self._threads,
        )
        with self._lock:  # what is no inplace_predict promises nothing to threads
            found: Array = self._booster.predict(
                matrix, iteration_range=self._range, validate_features=False, **what
            )
        return found

    def _classes(self, rows: Array) -> Array:
        found = self._predict(rows)
        if found.ndim > 1:
            best: Array = found.argmax(axis=1)
            return best
        if self._objective == "binary:logitraw":
            return (found > 0).astype(np.int64)
        if self._objective.startswith("binary:"):
            return (found > _HALF).astype(np.int64)
        return found.astype(np.int64)

    def _probabilities(self, rows: Array) -> Array:
        if self._objective == "multi:softprob":
            return self._predict(rows)
        if self._objective == "multi:softmax":
            return _softmax(self._predict(rows, margin=True))
        found = self._predict(rows)
        if self._objective == "binary:logitraw":
            found = 1 / (1 + np.exp(-found))
        return np.column_stack([1 - found, found])


def _softmax(margins: Array) -> Array:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    normal: Array = raised / raised.sum(axis=1, keepdims=True)
    return normal


def _works(
    booster: Any,  # noqa: ANN401 - as above
    signature: Signature,
    device: str,
) -> bool:
    """Say whether XGBoost takes *device*; without a GPU it only warns, and goes on."""
    row = np.zeros((1, signature.table.features), np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            booster.set_param({"device": device})
            if device != "cpu":
                booster.predict(xgboost.DMatrix(row), validate_features=False)
        except xgboost.core.XGBoostError:
            return False
    return not any("GPU" in str(each.message) for each in caught)
