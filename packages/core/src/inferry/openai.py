"""What a model implements to be asked as OpenAI's API is: an ``openai`` attribute.

``Model.openai`` is, once the model is loaded, a mapping from an operation to the
function that answers it. The server does the rest for ``/openai/v1/<operation>`` and
``/v1/<operation>``: it finds the model that the body names, bounds and parses the body,
frames a stream as server-sent events with ``[DONE]`` at its end, words errors as OpenAI
does, and stops the answer when the client leaves.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Literal

from inferry.errors import InvalidInput

__all__ = ["OPERATIONS", "PATHS", "Answer", "Answerer", "InvalidParameter", "Operation"]

Operation = Literal["chat/completions", "completions", "embeddings", "rerank"]
OPERATIONS: tuple[Operation, ...] = (
    "chat/completions",
    "completions",
    "embeddings",
    "rerank",
)
#: Where they stand: at OpenAI's path and at the one that KServe gives; reranking, which
#: OpenAI has not, also where Cohere's and vLLM's clients seek it.
PATHS: Mapping[str, Operation] = {
    **{
        f"{prefix}/v1/{operation}": operation
        for prefix in ("", "/openai")
        for operation in OPERATIONS
    },
    "/rerank": "rerank",
    "/v2/rerank": "rerank",
}
#: A whole answer, or its chunks as they come. Closing the generator ends the work.
Answer = Mapping[str, Any] | AsyncGenerator[Mapping[str, Any], None]
#: Takes the body; what is awaited is cancelled when the client leaves. An error before
#: the first chunk has a status, so check the body before the generator is returned.
Answerer = Callable[[Mapping[str, Any]], Awaitable[Answer]]


class InvalidParameter(InvalidInput):
    """A field of the body that cannot be used; ``param`` is its name (HTTP 400)."""

    def __init__(
        self, message: str, *, param: str, code: str | None = None, remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.param = param
        self.code = code
