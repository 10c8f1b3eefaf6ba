"""Which of OpenAI's operations a model answers, by what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_runtime_huggingface.openai.chat import Chats
from inferry_runtime_huggingface.openai.completions import Completions
from inferry_runtime_huggingface.openai.embeddings import Embeddings
from inferry_runtime_huggingface.openai.rerank import Reranking
from inferry_runtime_huggingface.openai.text_model import TextModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.openai import Answerer, Operation
    from inferry_runtime_huggingface.generation.engine import Engine
    from inferry_runtime_huggingface.openai.embeddings import Embedder
    from inferry_runtime_huggingface.openai.rerank import Scorer

__all__ = ["embedding_operations", "rerank_operations", "text_operations"]


def text_operations(
    engine: Engine,
    tokenizer: Any,  # noqa: ANN401 - of transformers
    *,
    defaults: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Mapping[Operation, Answerer]:
    """Return the operations of a language model; see `TextModel` for the arguments.

    Raises:
        ModelLoadError: An option cannot be used.

    """
    model = TextModel(engine, tokenizer, defaults=defaults, options=options)
    return {"chat/completions": Chats(model), "completions": Completions(model)}


def embedding_operations(
    embedder: Embedder, scorer: Scorer
) -> Mapping[Operation, Answerer]:
    """Return the operations of a model of vectors, by whose nearness it can score."""
    return {"embeddings": Embeddings(embedder), **rerank_operations(scorer)}


def rerank_operations(scorer: Scorer) -> Mapping[Operation, Answerer]:
    """Return the operation of a model that scores pairs."""
    return {"rerank": Reranking(scorer)}
