"""`XgboostModel`: one booster, of XGBoost's own API or of its scikit-learn classes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from inferry.errors import InferenceError, InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)
from inferry.runtime import outputs
from inferry.runtime.options import choice, count, listed
from inferry.runtime.tables import Table
from inferry.runtime.tensors import row_spec, zeros
from inferry.status import Reason
from inferry_runtime_xgboost import _document
from inferry_runtime_xgboost._booster import Predictor
from inferry_runtime_xgboost._signature import PREDICT, Signature, describe
from inferry_server.cpu import threads as quota

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["XgboostModel"]

_LOG = logging.getLogger(__name__)


class XgboostModel:
    """Serves one booster; `predict` is safe in many threads at once."""

    batching = True
    inline = True
    #: `predict` casts and checks by itself: any type of number, features by name.
    checks_inputs = True

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._signature = Signature(table=Table(features=0), objective="", booster="")
        self._outputs: dict[str, TensorSpec] = {}
        self._default: tuple[str, ...] = ()
        self.max_concurrency = 1

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Read the model at *path*, a file or a folder that holds one.

        Options: ``threads``, ``nthread``, ``device``, ``method``, ``trees``,
        ``versionMismatch``; the descriptor says what they mean.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        strict = choice(options, "versionMismatch", ("warn", "fail")) == "fail"
        trees = choice(options, "trees", ("auto", "all", "best"))
        document = _document.read(path)
        _compare_versions(document, strict=strict)
        self._signature = describe(document.learner)
        predictor = Predictor.made(
            document,
            self._signature,
            threads=count(options, "nthread", count(options, "threads", 1)),
            device=str(options.get("device") or "cpu"),
            trees=trees,
        )
        self._outputs = _outputs(document.name, predictor, self._signature)
        self._default = outputs.default(listed(options, "method"), self._outputs)
        self.max_concurrency = max(2, quota())
        self._predictor = predictor

    def metadata(self) -> ModelMetadata:
        """Return the table that the model takes and what it can be asked for.

        Numbers of any other type are taken as well, and features by name.
        """
        return ModelMetadata(
            inputs=self._signature.table.inputs,
            outputs=tuple(self._outputs.values()),
            platform="xgboost",
        )

    def warm_up(self) -> InferRequest:
        """Return a row of zeros."""
        return zeros(self._signature.table.inputs)

    def predict(self, request: InferRequest) -> InferResponse:
        """Answer with the outputs asked for, or with those of the option ``method``.

        Raises:
            InvalidInput: The request does not fit the model.
            InferenceError: XGBoost failed on inputs that fit.

        """
        predictor = self._predictor
        if predictor is None:
            raise ModelNotReady("the XGBoost model is not loaded")
        names = outputs.wanted(request.outputs, self._outputs, self._default)
        frame = request.parameters.get("content_type") == "pd"
        rows = self._signature.table.read(request.inputs, frame=frame)
        if np.isinf(rows).any():
            raise _infinite(request.inputs)
        try:
            answer = tuple([self._output(predictor, name, rows) for name in names])
        except xgboost.core.XGBoostError as error:
            raise InferenceError(
                f"XGBoost could not compute the answer: {_first_line(error)}"
            ) from error
        return InferResponse(outputs=answer)

    def unload(self) -> None:
        """Forget the booster."""
        self._predictor = None

    def _output(
        self, predictor: Predictor, name: str, rows: np.ndarray[Any, Any]
    ) -> Tensor:
        spec = self._outputs[name]
        data = predictor.answer(name, rows)
        if data.ndim != len(spec.shape):  # of no row XGBoost knows no columns
            data = data.reshape(len(rows), *spec.shape[1:])
        return Tensor(name=name, datatype=spec.datatype, data=data)


def _infinite(inputs: Sequence[Tensor]) -> InvalidInput:
    """Name the first of *inputs* with a number that XGBoost would not take."""
    for each in inputs:
        if each.datatype != "BYTES":
            with np.errstate(over="ignore"):
                if np.isinf(each.data.astype(np.float32)).any():
                    break
    return InvalidInput(
        f"input {each.name!r} holds an infinite number, or one beyond FP32; "
        "NaN is what stands for a missing value"
    )


def _outputs(
    name: str, predictor: Predictor, signature: Signature
) -> dict[str, TensorSpec]:
    """Ask the model once for all that it can give, and return what that was."""
    found = {}
    row = np.zeros((1, signature.table.features), np.float32)
    for output in signature.outputs:
        try:
            data = predictor.answer(output, row)
        except xgboost.core.XGBoostError as error:
            if output == PREDICT:
                raise ModelLoadError(
                    f"XGBoost cannot answer with {name}: {_first_line(error)}",
                    reason=Reason.ModelCorrupt,
                    remedy="save the model again with this version of XGBoost",
                ) from error
            _LOG.info("%s gives no %s: %s", name, output, _first_line(error))
        else:
            found[output] = row_spec(output, data)
    return found


def _compare_versions(document: _document.Document, *, strict: bool) -> None:
    """Report another version; XGBoost reads older models, not always newer ones."""
    installed = str(xgboost.__version__)
    saved = document.shown_version
    if saved in {"", installed}:
        return
    said = f"{document.name} was saved by XGBoost {saved}, installed is {installed}"
    if strict:
        raise ModelLoadError(
            said,
            reason=Reason.ModelVersionMismatch,
            remedy=f"install xgboost=={saved}, or save the model with {installed}",
        )
    newer = document.version[:2] > tuple(map(int, installed.split(".")[:2]))
    level = logging.WARNING if newer else logging.INFO
    _LOG.log(level, "%s%s", said, "; its answers may differ" if newer else "")


def _first_line(error: Exception) -> str:
    """Return what XGBoost says, without its stack of native frames."""
    line = next(iter(str(error).splitlines()), "")
    return line.partition("Check failed: ")[2] or line.partition("] ")[2] or line
