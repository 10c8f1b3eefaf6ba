"""Sequence classification: which label a text, or a pair of texts, has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from inferry.model import Tensor, TensorSpec
from inferry.runtime import tensors
from inferry_runtime_huggingface.tasks import inputs, labels
from inferry_runtime_huggingface.tasks.encoder import EncoderTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from inferry.model import InferRequest
    from inferry_runtime_huggingface.encoding import Texts, TokenIds
    from inferry_runtime_huggingface.tasks.encoder import Batch
    from inferry_runtime_huggingface.worker import Answers

__all__ = ["SequenceClassification"]


class SequenceClassification(EncoderTask):
    """Gives the index of the likeliest label; label, score and all of them by name.

    A model with one label is a regression: its only number is ``output-0``.
    """

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"

    def __init__(self) -> None:
        super().__init__()
        self._labels: tuple[str, ...] = ()
        self._many = False

    def prepare(self, options: Mapping[str, Any]) -> None:
        """Read the labels; KServe's options change the shape of V1's answers."""
        self._labels = labels.names(self.model.config)
        kind = self.model.config.problem_type
        self._many = kind == "multi_label_classification"
        if (form := labels.kserve_form(options)) is not None and len(self._labels) > 1:
            self.predict_v1 = labels.by_index(self, form)

    def default_outputs(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return ``output-0``, or what KServe's options ask for instead."""
        return (labels.kserve_form(options) or inputs.OUTPUT,)

    def given(self, request: InferRequest) -> Texts | TokenIds:
        """Return texts, perhaps in pairs, or token ids."""
        return inputs.texts_or_ids(request.inputs, pairs=True)

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what there is for each text."""
        count = len(self._labels)
        first = "INT64" if count > 1 else "FP32"
        return (
            TensorSpec(name=inputs.OUTPUT, datatype=first, shape=(-1,)),
            TensorSpec(name="label", datatype="BYTES", shape=(-1,)),
            TensorSpec(name="score", datatype="FP32", shape=(-1,)),
            TensorSpec(name="probabilities", datatype="FP32", shape=(-1, count)),
            TensorSpec(name="logits", datatype="FP32", shape=(-1, count)),
        )

    def results(self, batch: Batch) -> Sequence[Any]:
        """Return the logits of each text."""
        return list(batch.output.logits.float().cpu().numpy())

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return *wanted* of the logits."""
        logits = _stacked(answers.results, len(self._labels))
        makers: Mapping[str, Callable[[], Tensor]] = {
            inputs.OUTPUT: lambda: self._first(logits),
            "label": lambda: tensors.tensor("label", self._best(logits)),
            "score": lambda: self._score(logits),
            "probabilities": lambda: self._all("probabilities", self._chances(logits)),
            "logits": lambda: self._all("logits", logits),
        }
        return {name: makers[name]() for name in wanted}

    def _first(self, logits: NDArray[np.float32]) -> Tensor:
        value = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0]
        return tensors.tensor(inputs.OUTPUT, value)

    def _best(self, logits: NDArray[np.float32]) -> NDArray[np.object_]:
        best = [self._labels[index] for index in logits.argmax(axis=1).tolist()]
        return np.array(best, dtype=object)

    def _score(self, logits: NDArray[np.float32]) -> Tensor:
        return tensors.tensor("score", self._chances(logits).max(axis=1))

    def _chances(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        given = torch.from_numpy(logits)
        if logits.shape[1] == 1:
            return logits
        found = given.sigmoid() if self._many else given.softmax(-1)
        made: NDArray[np.float32] = found.numpy()
        return made

    def _all(self, name: str, values: NDArray[np.float32]) -> Tensor:
        data = np.ascontiguousarray(values)
        return Tensor(
            name=name, datatype="FP32", data=data, parameters={"keys": [*self._labels]}
        )


def _stacked(results: Sequence[Any], count: int) -> NDArray[np.float32]:
    if not results:
        return np.zeros((0, count), dtype=np.float32)
    return np.stack(results)
