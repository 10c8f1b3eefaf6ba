"""Which tasks there are, and which one a model is for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inferry.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_runtime_huggingface.folder import ModelFolder
    from inferry_runtime_huggingface.tasks.task import Task

__all__ = ["TASKS", "choose", "make"]

_HERE = "inferry_runtime_huggingface.tasks"
#: Name of a task, as KServe spells it -> where its class is.
TASKS: Mapping[str, str] = {
    "fill_mask": f"{_HERE}.fill_mask:FillMask",
    "rerank": f"{_HERE}.rerank:Rerank",
    "sequence_classification": f"{_HERE}.classification:SequenceClassification",
    "text2text_generation": f"{_HERE}.seq2seq:Seq2Seq",
    "text_embedding": f"{_HERE}.embedding:TextEmbedding",
    "text_generation": f"{_HERE}.generation:TextGeneration",
    "token_classification": f"{_HERE}.tokens:TokenClassification",
}
#: Names that others have for the same.
_ALIASES = {
    "classify": "sequence_classification",
    "embed": "text_embedding",
    "embedding": "text_embedding",
    "feature_extraction": "text_embedding",
    "generate": "text_generation",
    "ner": "token_classification",
    "score": "rerank",
    "sentence_similarity": "text_embedding",
    "summarization": "text2text_generation",
    "text_classification": "sequence_classification",
    "text_ranking": "rerank",
    "translation": "text2text_generation",
}
#: How the class that a model was saved from ends -> its task; the first that fits.
_ARCHITECTURES = (
    ("ForSequenceClassification", "sequence_classification"),
    ("ForTokenClassification", "token_classification"),
    ("ForMaskedLM", "fill_mask"),
    ("ForCausalLM", "text_generation"),
    ("LMHeadModel", "text_generation"),
    ("ForConditionalGeneration", "text2text_generation"),
    ("ForSeq2SeqLM", "text2text_generation"),
    ("Model", "text_embedding"),
)


def choose(folder: ModelFolder, options: Mapping[str, Any]) -> str:
    """Return the task of the option ``task``, else the one that *folder* is made for.

    Raises:
        ModelLoadError: The option names none, or nothing tells.

    """
    if asked := str(options.get("task") or ""):
        name = asked.lower().replace("-", "_")
        name = _ALIASES.get(name, name)
        if name not in TASKS:
            raise ModelLoadError(
                f"option task is {asked!r}", remedy=f"use one of {', '.join(TASKS)}"
            )
        return name
    if folder.sentence_transformer:
        return "rerank" if folder.cross_encoder else "text_embedding"
    architecture = folder.architecture
    for ending, name in _ARCHITECTURES:
        if architecture.endswith(ending):
            one_label = name == "sequence_classification" and folder.labels == 1
            return "rerank" if one_label else name
    raise ModelLoadError(
        f"config.json in {folder.path} names the architecture {architecture!r}, whose "
        "task is not known",
        remedy=f"set the option task to one of {', '.join(TASKS)}",
    )


def make(name: str) -> Task:
    """Return a new task of the *name*, which `choose` gave."""
    module, _, attribute = TASKS[name].partition(":")
    task: Task = getattr(import_module(module), attribute)()
    return task
