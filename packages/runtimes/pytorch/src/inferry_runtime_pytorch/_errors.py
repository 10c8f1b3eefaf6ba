"""What torch says when something fails, in one line and of the right kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from inferry.errors import InferenceError, InvalidInput, ModelError
from inferry.runtime.tensors import described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.model import Tensor

_LINE = re.compile(r"(?:builtins\.)?\w*(?:Error|Exception): (.+)")
_ADVICE = re.compile(
    r"\s*(?:Exception raised from|CUDA kernel errors might).*", re.DOTALL
)
_LONGEST = 300
_DTYPE = re.compile(r"dtype|scalar type|\bLong\b|not implemented for '")
_INTERNAL = ("INTERNAL ASSERT", "CUDA error", "CUBLAS", "CUDNN", "cuDNN")
#: What models and operators raise about their inputs.
_OF_INPUTS = (
    *(RuntimeError, IndexError, ValueError, TypeError, AssertionError),
    *(KeyError, torch.jit.Error),
)


class Refused(InvalidInput):
    """An operator refuses what it was given; ``of_dtype`` for the type of numbers."""

    def __init__(self, said: str) -> None:
        super().__init__(f"the model cannot take these inputs: {said}")
        self.of_dtype = _DTYPE.search(said) is not None

    def naming(self, inputs: Sequence[Tensor]) -> InvalidInput:
        """Return the error with what *inputs* were."""
        return InvalidInput(f"{self.message} (the request has {described(inputs)})")


def said(error: BaseException) -> str:
    """Return the line of *error* that tells what is wrong."""
    text = _ADVICE.sub("", str(error)).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if "Traceback of TorchScript" not in text:
        return lines[0][:_LONGEST]
    found = _LINE.fullmatch(lines[-1])
    return (found[1] if found else lines[-1])[:_LONGEST]


def of_call(error: Exception, *, declared: bool = True) -> ModelError:
    """Return what a failed call means: a wrong request, or a broken model.

    The inputs' types and shapes were right as far as they are *declared*, so what an
    operator still refuses is what the request holds. What is not implemented is so for
    a type of number, which the request chose if nothing is declared.
    """
    text = said(error)
    internal = any(word in str(error) for word in _INTERNAL)
    missing = isinstance(error, NotImplementedError) and (
        declared or not _DTYPE.search(text)
    )
    if isinstance(error, torch.OutOfMemoryError) or missing or internal:
        return InferenceError(f"torch could not compute the answer: {text}")
    if isinstance(error, _OF_INPUTS):
        return Refused(text)
    return InferenceError(f"the model failed: {type(error).__name__}: {text}")
