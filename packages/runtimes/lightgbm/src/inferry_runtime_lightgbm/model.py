"""`LightgbmModel`: one booster of LightGBM or of its scikit-learn classes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np

from inferry.errors import InferenceError, ModelLoadError, ModelNotReady
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
from inferry_runtime_lightgbm import _document
from inferry_runtime_lightgbm._outputs import PREDICT, Outputs
from inferry_runtime_lightgbm._versions import compare
from inferry_server.cpu import threads as quota

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["LightgbmModel"]

_LOG = logging.getLogger(__name__)


class LightgbmModel:
    """Serves one booster; `predict` is safe in many threads at once."""

    batching = True
    inline = True
    #: `predict` casts and checks by itself: any type of number, features by name.
    checks_inputs = True

    def __init__(self) -> None:
        self._answers: Outputs | None = None
        self._table = Table(features=0)
        self._outputs: dict[str, TensorSpec] = {}
        self._default: tuple[str, ...] = ()
        self.max_concurrency = 1

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Read the model at *path*, a file or a folder that holds one.

        Options: ``threads``, ``nthread``, ``method``, ``versionMismatch``; the
        descriptor says what they mean.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        strict = choice(options, "versionMismatch", ("warn", "fail")) == "fail"
        threads = count(options, "nthread", count(options, "threads", 1))
        document = _document.read(path)
        compare(document, strict=strict)
        self._table = _table(document)
        booster = _booster(document)
        answers = Outputs(booster, document.header, threads=threads)
        self._outputs = _specs(document, answers)
        self._default = outputs.default(listed(options, "method"), self._outputs)
        self.max_concurrency = max(2, quota())
        self._answers = answers

    def metadata(self) -> ModelMetadata:
        """Return the table that the model takes and what it can be asked for.

        Numbers of any other type are taken as well, and features by name.
        """
        return ModelMetadata(
            inputs=self._table.inputs,
            outputs=tuple(self._outputs.values()),
            platform="lightgbm",
        )

    def warm_up(self) -> InferRequest:
        """Return a row of zeros."""
        return zeros(self._table.inputs)

    def predict(self, request: InferRequest) -> InferResponse:
        """Answer with the outputs asked for, or with those of the option ``method``.

        Raises:
            InvalidInput: The request does not fit the model.
            InferenceError: LightGBM failed on inputs that fit.

        """
        answers = self._answers
        if answers is None:
            raise ModelNotReady("the LightGBM model is not loaded")
        names = outputs.wanted(request.outputs, self._outputs, self._default)
        frame = request.parameters.get("content_type") == "pd"
        rows = self._table.read(request.inputs, frame=frame)
        try:
            answer = tuple([self._output(answers, name, rows) for name in names])
        except lightgbm.basic.LightGBMError as error:
            raise InferenceError(
                f"LightGBM could not compute the answer: {_one_line(error)}"
            ) from error
        return InferResponse(outputs=answer)

    def unload(self) -> None:
        """Forget the booster."""
        self._answers = None

    def _output(
        self, answers: Outputs, name: str, rows: np.ndarray[Any, Any]
    ) -> Tensor:
        spec = self._outputs[name]
        if not len(rows):
            shape = (0, *spec.shape[1:])
            data = np.zeros(shape, answers.dtype(name))
        else:
            data = answers.answer(name, rows)
        return Tensor(name=name, datatype=spec.datatype, data=data)


def _table(document: _document.Document) -> Table:
    """Return what the model takes; LightGBM reads both kinds of float as they are."""
    header = document.header
    columns = [
        position
        for position, info in enumerate(header.infos)
        if not info.startswith("[") and info != "none"
    ]
    codes: dict[int, dict[Any, int]] = {}
    if len(columns) == len(document.categories):
        # The file has the categories without the columns; these are in their order.
        for position, known in zip(columns, document.categories, strict=True):
            codes[position] = {_spelt(each): code for code, each in enumerate(known)}
    unnamed = tuple(f"Column_{index}" for index in range(header.features))
    return Table(
        features=header.features,
        dtype="float64",
        exact=("float32",),
        names=() if header.names == unnamed else header.names,
        codes=codes,
        missing=True,  # as LightGBM has it
    )


def _spelt(category: Any) -> Any:  # noqa: ANN401 - what JSON holds
    return category.encode() if isinstance(category, str) else category


def _booster(document: _document.Document) -> Any:  # noqa: ANN401 - lightgbm has no types
    # Else it prints to the standard output.
    lightgbm.register_logger(_LOG)
    try:
        return lightgbm.Booster(model_str=document.text)
    except lightgbm.basic.LightGBMError as error:
        raise _unusable(document, error) from error


def _specs(document: _document.Document, answers: Outputs) -> dict[str, TensorSpec]:
    """Ask the model once for all that it can give, and return what that was."""
    found = {}
    row = np.zeros((1, document.header.features))
    for output in answers.names:
        try:
            data = answers.answer(output, row)
        except lightgbm.basic.LightGBMError as error:
            if output == PREDICT:
                raise _unusable(document, error) from error
            _LOG.info("%s gives no %s: %s", document.name, output, _one_line(error))
        else:
            found[output] = row_spec(output, data)
    return found


def _unusable(document: _document.Document, error: Exception) -> ModelLoadError:
    return ModelLoadError(
        f"LightGBM {lightgbm.__version__} cannot use {document.name}: "
        f"{_one_line(error)}",
        reason=Reason.ModelCorrupt,
        remedy="save the model again with booster.save_model('model.txt')",
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
