"""Reranking with a cross-encoder: how well a document answers a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest, ModelMetadata, Tensor, TensorSpec
from inferry.runtime import tensors
from inferry_runtime_huggingface.encoding import Texts
from inferry_runtime_huggingface.openai.operations import rerank_operations
from inferry_runtime_huggingface.tasks import inputs
from inferry_runtime_huggingface.tasks.encoder import EncoderTask
from inferry_runtime_huggingface.tasks.scored import Scored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from inferry_runtime_huggingface.encoding import TokenIds
    from inferry_runtime_huggingface.tasks.encoder import Batch
    from inferry_runtime_huggingface.worker import Answers

__all__ = ["Rerank"]

_QUERY, _DOCUMENT = "query", "document"
_SPECS = tuple(
    TensorSpec(name=name, datatype="BYTES", shape=(-1,)) for name in (_QUERY, _DOCUMENT)
)


class Rerank(EncoderTask):
    """Gives the score of each query with its document, by default from 0 to 1."""

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"

    def __init__(self) -> None:
        super().__init__()
        self._raw = False

    def prepare(self, options: Mapping[str, Any]) -> None:
        """Refuse a model of many labels, and see whether a sigmoid belongs to it.

        Raises:
            ModelLoadError: It is no reranker.

        """
        if self.model.config.num_labels != 1:
            raise ModelLoadError(
                f"the model in {self.folder.path} has {self.model.config.num_labels} "
                "labels, a reranker has one score",
                remedy="set the option task=sequence_classification",
            )
        self.openai = rerank_operations(self)
        self.openai = rerank_operations(self)
        self._raw = bool(options.get("returnRawLogits")) or _is_raw(self.folder.config)

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return the scores."""
        return (TensorSpec(name=inputs.OUTPUT, datatype="FP32", shape=(-1,)),)

    def metadata(self) -> ModelMetadata:
        """Return the two texts of each pair."""
        return ModelMetadata(
            inputs=_SPECS, outputs=self.outputs(), platform="huggingface_transformers"
        )

    def warm_up(self) -> InferRequest:
        """Return a pair to score."""
        text = tensors.objects([b"warm"], (1,))
        return InferRequest(
            inputs=tuple(
                Tensor(name=spec.name, datatype="BYTES", data=text) for spec in _SPECS
            )
        )

    def given(self, request: InferRequest) -> Texts | TokenIds:
        """Return the pairs of ``query`` and ``document``; one query may stand for all.

        Raises:
            InvalidInput: They are missing, or not of one number.

        """
        named = {each.name for each in request.inputs}
        if named & {inputs.INPUT, "input_ids"}:
            return inputs.texts_or_ids(request.inputs, pairs=True)
        found = tensors.by_name({spec.name: spec for spec in _SPECS}, request.inputs)
        queries = inputs.column(found[_QUERY])
        documents = inputs.column(found[_DOCUMENT])
        if len(queries) != len(documents):
            raise InvalidInput(
                f"input {_QUERY!r} has {len(queries)} texts, {_DOCUMENT!r} has "
                f"{len(documents)}"
            )
        return Texts(texts=queries, pairs=documents)

    async def score(self, query: str, documents: Sequence[str]) -> Scored:
        """Return how well each of *documents* answers *query*.

        Raises:
            InvalidInput: A pair is too long.

        """
        given = Texts(texts=[query] * len(documents), pairs=documents)
        answers = await self.ask(given)
        return Scored(scores=_scores(answers), counts=answers.counts)

    def results(self, batch: Batch) -> Sequence[Any]:
        """Return the score of each pair."""
        logits = batch.output.logits[:, 0].float()
        scores = logits if self._raw else logits.sigmoid()
        return list(scores.cpu().numpy())

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the scores as one tensor."""
        del wanted
        data = _scores(answers)
        return {inputs.OUTPUT: Tensor(name=inputs.OUTPUT, datatype="FP32", data=data)}


def _scores(answers: Answers) -> NDArray[np.float32]:
    return np.array(answers.results, dtype=np.float32)


def _is_raw(config: Mapping[str, Any]) -> bool:
    """Say whether sentence-transformers saved the model without a sigmoid."""
    saved = config.get("sentence_transformers")
    name = saved.get("activation_fn") if isinstance(saved, dict) else None
    name = name or config.get("sbert_ce_default_activation_function") or "Sigmoid"
    return str(name).rpartition(".")[2] == "Identity"
