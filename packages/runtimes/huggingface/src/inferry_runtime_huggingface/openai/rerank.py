"""``rerank``: documents by how well they answer a query.

Source: Jina's and Cohere's API, as vLLM and KServe have it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.fields import about, integer, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from inferry.openai import Answer

__all__ = ["Reranking"]

_MOST = 2048


class Scored(Protocol):
    """A score for each document, and how many tokens that took."""

    @property
    def scores(self) -> NDArray[np.float32]:
        """The scores."""

    @property
    def counts(self) -> tuple[int, ...]:
        """The tokens, those of the query included."""


class Scorer(Protocol):
    """The task that scores."""

    async def score(self, query: str, documents: Sequence[str]) -> Scored:
        """Return how well each of *documents* answers *query*."""


class Rerank(Struct, frozen=True, kw_only=True):
    """The body of ``rerank``."""

    query: str
    documents: list[str | dict[str, Any]]
    model: str = ""
    top_n: int | None = None
    return_documents: bool = True


class Reranking:
    """Answers ``rerank`` with *scorer*."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def __call__(self, body: Mapping[str, Any]) -> Answer:
        """Return the documents, the best first."""
        asked = read(body, Rerank)
        documents = [_text(each) for each in asked.documents]
        if not documents or len(documents) > _MOST:
            raise InvalidParameter(
                f"'documents' has {len(documents)} texts, expected 1 to {_MOST}",
                param="documents",
            )
        if asked.top_n is not None:
            integer("top_n", asked.top_n, 1, 1 << 31)
        with about("documents"):
            found = await self._scorer.score(asked.query, documents)
        order = sorted(range(len(documents)), key=lambda i: -float(found.scores[i]))
        return {
            "id": f"rerank-{secrets.token_hex(16)}",
            "model": asked.model,
            "usage": {"total_tokens": sum(found.counts)},
            "results": [
                {
                    "index": index,
                    "relevance_score": float(found.scores[index]),
                    **(
                        {"document": {"text": documents[index]}}
                        if asked.return_documents
                        else {}
                    ),
                }
                for index in order[: asked.top_n]
            ],
        }


def _text(given: str | dict[str, Any]) -> str:
    text = given.get("text") if isinstance(given, dict) else given
    if not isinstance(text, str):
        raise InvalidParameter(
            "'documents' has one that is no text and has no 'text'", param="documents"
        )
    return text
