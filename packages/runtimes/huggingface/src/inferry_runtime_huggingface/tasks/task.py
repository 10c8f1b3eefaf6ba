"""What a task implements: one way to use a model, behind `HuggingfaceModel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from inferry.model import InferRequest, InferResponse, ModelMetadata
    from inferry.openai import Answerer, Operation
    from inferry_runtime_huggingface.folder import ModelFolder

__all__ = ["OPTIONAL", "Task"]

#: What a task may have besides, by presence, as `inferry.model.Model` describes it.
OPTIONAL = frozenset(
    {
        "explain",
        "generation",
        "metrics",
        "predict_v1",
        "stream",
        "warm_up",
        "why_unhealthy",
    }
)


class Task(Protocol):
    """One task of one model; made without arguments, then loaded once.

    ``batching``, ``max_concurrency``, ``memory`` (bytes) and ``openai`` are what
    `inferry.model.Model` says, and are read after `load`. ``predict`` may be ``async
    def``, which then runs on the event loop and must not block it. Those methods of
    `OPTIONAL` that a task has become the model's.
    """

    @property
    def batching(self) -> bool:
        """Whether the rows of a request are independent, each of one shape."""

    @property
    def max_concurrency(self) -> int:
        """How many calls of `predict` may run at one time."""

    @property
    def memory(self) -> int:
        """Bytes that the model holds, on all devices."""

    @property
    def openai(self) -> Mapping[Operation, Answerer]:
        """Which of OpenAI's operations it answers, and how; may be empty."""

    def load(self, folder: ModelFolder, options: Mapping[str, Any]) -> None:
        """Load the model in *folder*, which has been checked.

        Raises:
            ModelLoadError: With the reason and what to do.

        """

    def metadata(self) -> ModelMetadata:
        """Return names, types and shapes of what goes in and comes out."""

    def predict(
        self, request: InferRequest
    ) -> InferResponse | Awaitable[InferResponse]:
        """Answer *request*.

        Raises:
            InvalidInput: It does not fit; the server has checked nothing.

        """

    def unload(self) -> None:
        """Free what `load` took."""
