"""Embeddings: a vector for each text, whose nearness is that of the meanings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import torch

from inferry.model import Tensor, TensorSpec
from inferry.openai import InvalidParameter
from inferry_runtime_huggingface import pooling
from inferry_runtime_huggingface.encoding import Row, Texts, TokenIds
from inferry_runtime_huggingface.openai.operations import embedding_operations
from inferry_runtime_huggingface.tasks import inputs
from inferry_runtime_huggingface.tasks.encoder import EncoderTask
from inferry_runtime_huggingface.tasks.scored import Scored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from inferry.errors import InvalidInput
    from inferry.model import InferRequest
    from inferry_runtime_huggingface.tasks.encoder import Batch
    from inferry_runtime_huggingface.worker import Answers

__all__ = ["Embedded", "TextEmbedding"]

_PROMPTS = "config_sentence_transformers.json"


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors in float32, one row for each text, and how many tokens each text has."""

    vectors: NDArray[np.float32]
    counts: tuple[int, ...]


class TextEmbedding(EncoderTask):
    """Gives the vectors of texts; also scores documents by their nearness to a query.

    A request may name one of the model's prompts (``prompt_name``) and, of a model
    trained for it, how many ``dimensions`` the vectors shall have.
    """

    auto_class: ClassVar[str] = "AutoModel"

    def __init__(self) -> None:
        super().__init__()
        self.dimensions = 0
        self.prompts: Mapping[str, str] = {}
        self._prompt = ""
        self._shorter: frozenset[int] | None = None
        self._similarity = "cosine"
        self._pooling: pooling.Pooling

    def prepare(self, options: Mapping[str, Any]) -> None:
        """Read the pooling, the prompts, and which dimensions may be asked for."""
        self._pooling = pooling.read(self.folder, options)
        saved = self.folder.document(_PROMPTS)
        self.prompts = {
            str(name): str(text) for name, text in (saved.get("prompts") or {}).items()
        }
        self._similarity = str(saved.get("similarity_fn_name") or "cosine")
        name = str(options.get("prompt") or saved.get("default_prompt_name") or "")
        if name and name not in self.prompts:
            raise inputs.wrong_option("prompt", self._no_prompt(name))
        self._prompt = name
        self._shorter = _matryoshka(self.folder.config, options)
        self.dimensions = self._measured()
        self.openai = embedding_operations(self, self)
        self.openai = embedding_operations(self, self)

    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return the vectors."""
        shape = (-1, -1 if self._shorter != frozenset() else self.dimensions)
        return (TensorSpec(name=inputs.OUTPUT, datatype="FP32", shape=shape),)

    def results(self, batch: Batch) -> Sequence[Any]:
        """Return the vectors, not brought to length 1 yet."""
        return list(self._pooling(batch).cpu().numpy())

    def tensors(self, answers: Answers, wanted: Sequence[str]) -> Mapping[str, Tensor]:
        """Return the vectors as one tensor."""
        del wanted
        return {inputs.OUTPUT: _tensor(self._vectors(answers, None))}

    def given(self, request: InferRequest) -> Texts | TokenIds:
        """Return texts, with the prompt that the request names, or token ids."""
        found = inputs.texts_or_ids(request.inputs)
        name = request.parameters.get("prompt_name")
        return self._prompted(found, None if name is None else str(name))

    async def embed(
        self,
        texts: Sequence[str] | Sequence[Sequence[int]],
        *,
        dimensions: int | None = None,
        prompt: str | None = None,
    ) -> Embedded:
        """Return the vectors of *texts*, or of texts that are token ids already.

        *prompt* names one of the model's prompts; None takes the model's own choice.

        Raises:
            InvalidParameter: The model cannot give so many *dimensions*.
            InvalidInput: A text is too long, or *prompt* is none of the model's.

        """
        self._check_dimensions(dimensions)
        given = _given(texts)
        answers = await self.ask(self._prompted(given, prompt))
        return Embedded(
            vectors=self._vectors(answers, dimensions), counts=answers.counts
        )

    async def score(self, query: str, documents: Sequence[str]) -> Scored:
        """Return how near each of *documents* is to *query*."""
        asked = await self.embed([query], prompt=self._role("query"))
        found = await self.embed(
            documents, prompt=self._role("document", "passage", "corpus")
        )
        one, all_ = asked.vectors[0], found.vectors
        if self._similarity == "cosine":
            lengths = np.linalg.norm(all_, axis=1) * np.linalg.norm(one)
            scores = all_ @ one / np.maximum(lengths, 1e-12)
        elif self._similarity == "dot":
            scores = all_ @ one
        else:
            order = 1 if self._similarity == "manhattan" else 2
            scores = -np.linalg.norm(all_ - one, ord=order, axis=1)
        return Scored(
            scores=scores.astype(np.float32),
            counts=tuple(asked.counts[0] + count for count in found.counts),
        )

    def _role(self, *names: str) -> str | None:
        return next((name for name in names if name in self.prompts), None)

    def _prompted(self, given: Texts | TokenIds, name: str | None) -> Texts | TokenIds:
        name = self._prompt if name is None else name
        if not name or (isinstance(given, TokenIds) and name == self._prompt):
            return given
        if name not in self.prompts:
            raise self._no_prompt(name)
        if isinstance(given, TokenIds):
            raise InvalidParameter(
                "token ids take no prompt; put its tokens before them",
                param="prompt_name",
            )
        return msgspec.structs.replace(given, prompt=self.prompts[name])

    def _no_prompt(self, name: str) -> InvalidInput:
        known = ", ".join(map(repr, self.prompts)) or "none"
        return InvalidParameter(
            f"unknown prompt {name!r}; the model has {known}", param="prompt_name"
        )

    def _check_dimensions(self, asked: int | None) -> None:
        if asked is None or asked == self.dimensions:
            return
        if not 0 < asked < self.dimensions:
            text = f"dimensions is {asked}, the model gives {self.dimensions}"
        elif self._shorter is not None and asked not in self._shorter:
            known = ", ".join(map(str, sorted(self._shorter)))
            text = (
                f"dimensions is {asked}, the model gives "
                f"{known + ' or ' if known else ''}{self.dimensions}"
                + ("" if known else " and is not trained for fewer (Matryoshka)")
            )
        else:
            return
        raise InvalidParameter(text, param="dimensions")

    def _vectors(self, answers: Answers, dimensions: int | None) -> NDArray[np.float32]:
        if not answers.results:
            return np.zeros((0, dimensions or self.dimensions), dtype=np.float32)
        vectors: NDArray[np.float32] = np.stack(answers.results)[:, :dimensions]
        if self._pooling.normalise or dimensions:
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors / np.maximum(lengths, np.float32(1e-12))
        return np.ascontiguousarray(vectors)

    def _measured(self) -> int:
        """Return the length of a vector, of which no configuration is sure to tell."""
        with torch.inference_mode():
            batch = self._run([Row(ids=[self._padding])])
            return int(self._pooling(batch).shape[1])


def _given(texts: Sequence[str] | Sequence[Sequence[int]]) -> Texts | TokenIds:
    if texts and not isinstance(texts[0], str):
        return TokenIds(ids=[each for each in texts if not isinstance(each, str)])
    return Texts(texts=[each for each in texts if isinstance(each, str)])


def _matryoshka(
    config: Mapping[str, Any], options: Mapping[str, Any]
) -> frozenset[int] | None:
    """Return the smaller dimensions that may be asked for; None where any may be."""
    listed = config.get("matryoshka_dimensions")
    if isinstance(listed, list) and listed:
        return frozenset(int(each) for each in listed)
    if options.get("matryoshka") or config.get("is_matryoshka"):
        return None
    return frozenset()


def _tensor(vectors: NDArray[np.float32]) -> Tensor:
    return Tensor(name=inputs.OUTPUT, datatype="FP32", data=vectors)
