"""Load a model file in the way that its kind needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from inferry.errors import ModelLoadError
from inferry.runtime.options import choice
from inferry.status import Reason
from inferry_runtime_pytorch import _compiled, _export, _script, _weights
from inferry_runtime_pytorch._kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry_runtime_pytorch._program import Program

_LOG = logging.getLogger(__name__)


def load(file: Path, kind: Kind, device: str, options: Mapping[str, Any]) -> Program:
    """Return the program in *file*, which is of *kind*.

    Raises:
        ModelLoadError: With the reason and what to do.

    """
    strict = choice(options, "versionMismatch", ("warn", "fail")) == "fail"
    trusted = options.get("allowPickle") is True
    if kind is Kind.SCRIPT:
        return _script.load(file, device)
    if kind is Kind.EXPORTED:
        program, version = _export.load(file, device, trusted=trusted)
        compare(file, version, strict=strict)
        return program
    if kind is Kind.COMPILED:
        return _compiled.load(
            file, device, allowed=options.get("allowNativeCode") is True
        )
    return _weights.load(
        file,
        device,
        factory=str(options.get("modelClass") or ""),
        arguments=str(options.get("modelArguments") or ""),
        trusted=trusted,
    )


def compare(file: Path, version: str, *, strict: bool) -> None:
    """Tell that *file* was saved by another version of torch, or refuse it.

    Raises:
        ModelLoadError: With *strict*.

    """
    installed = str(torch.__version__)
    if not version or _release(version) == _release(installed):
        return
    said = f"saved by torch {version}, installed is {installed}"
    if strict:
        raise ModelLoadError(
            f"{file.name} was {said}",
            reason=Reason.ModelVersionMismatch,
            remedy=f"install torch=={version}, or export the model again",
        )
    _LOG.warning("%s was %s; its answers may differ", file.name, said)


def _release(version: str) -> str:
    return version.partition("+")[0]
