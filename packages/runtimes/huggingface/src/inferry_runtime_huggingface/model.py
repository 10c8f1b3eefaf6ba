"""`HuggingfaceModel`: one model folder, served as the task that it was made for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from inferry.errors import InferryError, ModelLoadError, ModelNotReady, one_line
from inferry.model import ModelMetadata
from inferry_runtime_huggingface import folder
from inferry_runtime_huggingface.tasks import registry
from inferry_runtime_huggingface.tasks.task import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from inferry.model import InferRequest, InferResponse
    from inferry.openai import Answerer, Operation
    from inferry_runtime_huggingface.tasks.task import Task

    Predict = Callable[[InferRequest], InferResponse | Awaitable[InferResponse]]

__all__ = ["HuggingfaceModel"]


class HuggingfaceModel:
    """Serves one Hugging Face model; what it does is up to its task."""

    #: Each task says what does not fit, so the server need not look too.
    checks_inputs = True

    def __init__(self) -> None:
        #: What the model is served as; None while nothing is loaded.
        self.task: Task | None = None
        # The task's own, so that an ``async def`` is seen to be one.
        self.predict: Predict = _not_loaded
        self.batching = False
        self.max_concurrency = 1
        self.openai: Mapping[Operation, Answerer] = {}

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Load the model in the folder *path*, for the option ``task`` or its own.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        # Nothing is ever looked up, and the threads are those of the model.
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        found = folder.open_folder(path, options)
        task = _loaded(found, options)
        self.task = task
        self.predict = task.predict
        self.batching = task.batching
        self.max_concurrency = task.max_concurrency
        self.openai = task.openai

    @property
    def memory(self) -> int:
        """Bytes that the model holds."""
        return self.task.memory if self.task is not None else 0

    def metadata(self) -> ModelMetadata:
        """Return what the task takes and gives."""
        return self.task.metadata() if self.task is not None else ModelMetadata()

    def unload(self) -> None:
        """Free the model."""
        task, self.task = self.task, None
        self.predict = _not_loaded
        self.openai = {}
        if task is not None:
            task.unload()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what the task has
        """Return what only some tasks have."""
        if name in OPTIONAL and self.task is not None:
            return getattr(self.task, name)
        raise AttributeError(name)


def _loaded(found: folder.ModelFolder, options: Mapping[str, Any]) -> Task:
    try:
        task = registry.make(registry.choose(found, options))
        task.load(found, options)
    except (InferryError, ImportError, MemoryError):
        raise
    except Exception as error:
        # Configurations are not looked through value by value.
        raise ModelLoadError(
            f"{found.path} cannot be loaded: {one_line(error)}",
            remedy="look whether its configuration files fit the model",
        ) from error
    return task


def _not_loaded(_: InferRequest) -> InferResponse:
    raise ModelNotReady("the Hugging Face model is not loaded")
