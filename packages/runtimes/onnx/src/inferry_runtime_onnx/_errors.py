"""What onnxruntime says when a run fails, in one line and of the right kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from inferry.errors import InferenceError, InvalidInput
from inferry.runtime.tensors import described

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.model import Tensor
    from inferry_runtime_onnx._tensors import Port

__all__ = ["of_run"]

_LONGEST = 300
_ANY = -1
_KIND = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
_NODE = re.compile(
    r"Non-zero status code returned while running (\w+) node\. "
    r"Name:'.*?' Status Message: "
)
#: Where in onnxruntime, and the condition that did not hold.
_WHERE = re.compile(r"/\S+:\d+ .*? was false\. ?")
_OF_THE_MACHINE = ("allocat", "bad_alloc", "CUDA", "CUBLAS", "CUDNN", "cuDNN")


def of_run(
    error: Exception, inputs: Sequence[Tensor], ports: Mapping[str, Port]
) -> InvalidInput | InferenceError:
    """Return what a failed run means: a wrong request, or a broken model.

    Types and shapes were right as far as the model declares them. What an operator
    still refuses is a value, or a size where an axis is open.
    """
    said = _said(error)
    if isinstance(error, ort_errors.InvalidArgument) or (
        isinstance(error, (ort_errors.Fail, ort_errors.RuntimeException))
        and any(_ANY in port.spec.shape for port in ports.values())
        and not any(word in said for word in _OF_THE_MACHINE)
    ):
        return InvalidInput(f"the model refuses input {described(inputs)}: {said}")
    return InferenceError(f"onnxruntime could not compute the answer: {said}")


def _said(error: Exception) -> str:
    text = _KIND.sub("", " ".join(str(error).split()))
    short = _WHERE.sub("", _NODE.sub(r"\1: ", text)).strip()
    # A condition alone is better than nothing.
    return (text if short.endswith(":") else short)[:_LONGEST]
