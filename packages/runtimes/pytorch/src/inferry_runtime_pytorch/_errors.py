"""What torch says when something fails, in one line and of the right kind."""

from __future__ import annotations

import re

import torch

from inferry.errors import InferenceError, InvalidInput, ModelError

_LINE = re.compile(r"(?:builtins\.)?\w*(?:Error|Exception): (.+)")
_ADVICE = re.compile(
    r"\s*(?:Exception raised from|CUDA kernel errors might).*", re.DOTALL
)
_LONGEST = 300
_INTERNAL = ("INTERNAL ASSERT", "CUDA error", "CUBLAS", "CUDNN", "cuDNN")
#: What models and operators raise about their inputs.
_OF_INPUTS = (
    *(RuntimeError, IndexError, ValueError, TypeError, AssertionError),
    *(KeyError, torch.jit.Error),
)


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


def of_call(error: Exception) -> ModelError:
    """Return what a failed call means: a wrong request, or a broken model.

    The inputs' types and shapes were right as far as they are declared, so what an
    operator still refuses is what the request holds.
    """
    text = said(error)
    internal = any(word in str(error) for word in _INTERNAL)
    if isinstance(error, torch.OutOfMemoryError | NotImplementedError) or internal:
        return InferenceError(f"torch could not compute the answer: {text}")
    if isinstance(error, _OF_INPUTS):
        return InvalidInput(f"the model cannot take these inputs: {text}")
    return InferenceError(f"the model failed: {type(error).__name__}: {text}")
