"""Load a model file in the way that its kind needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from inferry.errors import ModelLoadError
from inferry.runtime.options import choice
from inferry.status import Reason
from inferry_runtime_pytorch import _compiled, _export, _kinds, _mar, _script, _weights
from inferry_runtime_pytorch._archive import corrupt
from inferry_runtime_pytorch._kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry_runtime_pytorch._program import Program

_LOG = logging.getLogger(__name__)


def load(
    file: Path,
    kind: Kind,
    device: str,
    options: Mapping[str, Any],
    brought: type[Any] | None = None,
) -> Program:
    """Return the program in *file*, which is of *kind*.

    The class *brought* is what weights are put into, where no option names one.

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
    if kind is Kind.MAR:
        return _mar.load(
            file,
            device,
            options,
            lambda inner, found: load(inner, _inner(inner), device, options, found),
        )
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
        brought=brought,
    )


def _inner(file: Path) -> Kind:
    """Tell what the model in an archive is; no archive holds another."""
    kind = _kinds.kind(_kinds.readable(file))
    if kind is Kind.MAR:
        raise corrupt(file, "it is an archive within an archive")
    return kind


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
