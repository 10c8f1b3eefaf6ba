"""What TensorFlow says, as one line for whoever can mend it."""

from __future__ import annotations

import re

from inferry.errors import InferenceError, InvalidInput, ModelLoadError
from inferry.status import Reason

_LONGEST = 300
_REFUSALS = {"InvalidArgumentError", "OutOfRangeError"}
_MISSING_OP = re.compile(r"Op type not registered '([^']+)'")
_WHERE = re.compile(r"\s*\[?\[\{\{.*", re.DOTALL)


def run_error(error: Exception) -> InvalidInput | InferenceError:
    """Return what a run of the graph says; of wrong inputs the caller is told."""
    text = said(error)
    if type(error).__name__ in _REFUSALS:
        return InvalidInput(f"the model refuses these inputs: {text}")
    return InferenceError(f"TensorFlow could not compute the answer: {text}")


def load_error(file: str, error: Exception) -> ModelLoadError:
    """Return why *file* cannot be loaded, with its reason and what to do."""
    text = said(error)
    missing = _MISSING_OP.search(text)
    if missing:
        return ModelLoadError(
            f"{file} needs the operation {missing[1]}, which this TensorFlow has not",
            reason=Reason.ModelVersionMismatch,
            remedy="install the version or the package that has it",
        )
    if type(error).__name__ == "ResourceExhaustedError":
        return ModelLoadError(
            f"{file} does not fit into memory: {text}", reason=Reason.OutOfMemory
        )
    return ModelLoadError(
        f"{file} cannot be loaded: {text}",
        reason=Reason.ModelCorrupt,
        remedy="save the model again, or upload all of its folder",
    )


def said(error: BaseException) -> str:
    """Return what *error* says without where in the graph, on one line."""
    text = str(getattr(error, "message", "")) or str(error) or type(error).__name__
    return " ".join(_WHERE.sub("", text).split())[:_LONGEST]
