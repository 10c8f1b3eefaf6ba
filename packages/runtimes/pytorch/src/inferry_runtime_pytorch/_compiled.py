"""Load what AOTInductor compiled: a shared library, which runs as this process."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_pytorch._archive import corrupt
from inferry_runtime_pytorch._errors import said
from inferry_runtime_pytorch._program import Program

if TYPE_CHECKING:
    from pathlib import Path

PLATFORM = "pytorch_aotinductor"


def load(path: Path, device: str, *, allowed: bool) -> Program:
    """Return the compiled program at *path*, if it is *allowed*.

    Raises:
        ModelLoadError: It is not allowed, or cannot be loaded.

    """
    if not allowed:
        raise ModelLoadError(
            f"{path.name} holds native code, which runs as this process does",
            reason=Reason.ModelUnsafe,
            remedy=(
                "export the model without AOTInductor, or, if you trust the file, add "
                '`args: ["--allowNativeCode=true"]` to the model'
            ),
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch._inductor.aoti_load_package(  # noqa: SLF001 - its public name
                str(path), device_index=_index(device)
            )
    except Exception as error:
        raise corrupt(path, said(error)) from error
    return Program(call=module, arguments=None, platform=PLATFORM)


def _index(device: str) -> int:
    """Return the number of the device; -1 is whatever the file was compiled for."""
    _, _, index = device.partition(":")
    return int(index) if index else -1
