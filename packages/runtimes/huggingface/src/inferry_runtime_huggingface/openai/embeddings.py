"""``embeddings``: vectors of texts."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.fields import about, integer, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from inferry.openai import Answer

__all__ = ["Embeddings"]

#: As many as OpenAI takes at a time.
_MOST = 2048
_LITTLE = sys.byteorder == "little"


class Embedded(Protocol):
    """Vectors, one row for each text, and how many tokens each text has."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors."""

    @property
    def counts(self) -> tuple[int, ...]:
        """The tokens."""


class Embedder(Protocol):
    """The task that embeds."""

    async def embed(
        self,
        texts: Sequence[str] | Sequence[Sequence[int]],
        *,
        dimensions: int | None = None,
        prompt: str | None = None,
    ) -> Embedded:
        """Return the vectors of *texts*, or of texts that are token ids already."""


class Embedding(Struct, frozen=True, kw_only=True):
    """The body of ``embeddings``; ``prompt_name`` is one of the model's prompts."""

    input: str | list[Any]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    prompt_name: str | None = None


class Embeddings:
    """Answers ``embeddings`` with *embedder*."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def __call__(self, body: Mapping[str, Any]) -> Answer:
        """Return the vectors of ``input``, in its order."""
        asked = read(body, Embedding)
        if asked.dimensions is not None:
            integer("dimensions", asked.dimensions, 1, 1 << 20)
        with about("input"):
            found = await self._embedder.embed(
                _texts(asked.input),
                dimensions=asked.dimensions,
                prompt=asked.prompt_name,
            )
        encode = _base64 if asked.encoding_format == "base64" else _floats
        tokens = sum(found.counts)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": encode(vector)}
                for index, vector in enumerate(found.vectors)
            ],
            "model": asked.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def _texts(given: str | list[Any]) -> list[str] | list[list[int]]:
    if isinstance(given, str):
        return [given]
    if not given:
        raise InvalidParameter("'input' is empty", param="input")
    if all(type(each) is int for each in given):
        return [given]
    if len(given) > _MOST:
        raise InvalidParameter(
            f"'input' has {len(given)} texts, at most {_MOST} are taken", param="input"
        )
    texts = all(isinstance(each, str) for each in given)
    if not texts and not all(map(_is_ids, given)):
        raise InvalidParameter(
            "'input' is no text, no list of texts and no list of token ids",
            param="input",
        )
    return given


def _is_ids(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _floats(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector  # the server writes arrays as they are


def _base64(vector: NDArray[np.float32]) -> str:
    data = vector if _LITTLE else vector.byteswap()
    return base64.b64encode(data.tobytes()).decode("ascii")
