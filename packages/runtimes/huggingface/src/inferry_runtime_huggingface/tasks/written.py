"""Answers of models that write text, as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from inferry.model import InferRequest, InferResponse, ModelMetadata, Tensor
from inferry.runtime import tensors
from inferry_runtime_huggingface.tasks.asked import INPUT, OUTPUT, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_runtime_huggingface.generation.engine import FinishReason

__all__ = ["Written", "metadata", "response", "warm_up"]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, or a piece of one that has no ``finish_reason`` yet."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: FinishReason | None = None


def metadata() -> ModelMetadata:
    """Return the signature of a model that writes text."""
    return ModelMetadata(
        inputs=(INPUT,),
        outputs=tuple(OUTPUTS.values()),
        platform="huggingface_transformers",
    )


def warm_up() -> InferRequest:
    """Return a short request."""
    data = tensors.objects([b"Hello"], (1,))
    return InferRequest(
        inputs=(Tensor(name=INPUT.name, datatype="BYTES", data=data),),
        parameters={"max_tokens": 2, "temperature": 0},
    )


def response(answers: Sequence[Written], wanted: Sequence[str] = ()) -> InferResponse:
    """Return *answers*: their text, and what *wanted* names besides.

    Of a single answer, the reason why it ended and its counts are parameters too.
    """
    values: dict[str, list[Any]] = {
        OUTPUT.name: [each.text for each in answers],
        "finish_reason": [each.finish_reason or "" for each in answers],
        "prompt_tokens": [each.prompt_tokens for each in answers],
        "completion_tokens": [each.completion_tokens for each in answers],
    }
    made = []
    for name in wanted or (OUTPUT.name,):
        kind = OUTPUTS[name].datatype
        if kind == "BYTES":
            texts = [str(each).encode() for each in values[name]]
            data = tensors.objects(texts, (len(texts),))
        else:
            data = np.array(values[name], dtype=np.int64)
        made.append(Tensor(name=name, datatype=kind, data=data))
    parameters: dict[str, str | int] = {}
    if len(answers) == 1 and answers[0].finish_reason is not None:
        (only,) = answers
        parameters = {
            "finish_reason": only.finish_reason or "",
            "prompt_tokens": only.prompt_tokens,
            "completion_tokens": only.completion_tokens,
        }
    return InferResponse(outputs=tuple(made), parameters=parameters)
