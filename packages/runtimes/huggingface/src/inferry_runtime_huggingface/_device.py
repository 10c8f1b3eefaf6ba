"""The device, the numbers and the threads that the options name."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import torch

from inferry.errors import ModelLoadError
from inferry.runtime import options as reading

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["choose_device", "choose_dtype", "use_threads"]

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
_DTYPES = {
    "float32": torch.float32,
    "float": torch.float32,
    "float16": torch.float16,
    "half": torch.float16,
    "bfloat16": torch.bfloat16,
}


def choose_device(options: Mapping[str, Any]) -> torch.device:
    """Return the first device of the option ``device`` that this machine has.

    Raises:
        ModelLoadError: It has none of them, or the option is no device.

    """
    names = [each.lower() for each in reading.listed(options, "device")] or ["cpu"]
    for name in names:
        if not _DEVICE.fullmatch(name):
            raise ModelLoadError(
                f"unknown device {name!r}", remedy="use cpu, cuda, cuda:N or cuda,cpu"
            )
    for name in names:
        device = torch.device(name)
        if name == "cpu" or (device.index or 0) < torch.cuda.device_count():
            return device
    have = torch.cuda.device_count()
    raise ModelLoadError(
        f"device {','.join(names)} is not there: PyTorch sees "
        f"{have or 'no'} CUDA device{'' if have == 1 else 's'}",
        remedy="install a PyTorch with CUDA and its driver, or use the option "
        "device=cpu",
    )


def choose_dtype(
    options: Mapping[str, Any], config: Mapping[str, Any], device: torch.device
) -> torch.dtype:
    """Return the numbers of the option ``dtype``.

    ``auto`` is what the weights were saved in; on a CPU, float16 becomes float32, as
    a CPU computes half precision slowly.

    Raises:
        ModelLoadError: The option is no type.

    """
    name = reading.choice(options, "dtype", ("auto", *_DTYPES))
    if name != "auto":
        return _DTYPES[name]
    saved = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    found = _DTYPES.get(saved.removeprefix("torch."), torch.float32)
    if device.type == "cpu" and found is torch.float16:
        return torch.float32
    return found


def use_threads(options: Mapping[str, Any]) -> int:
    """Set how many threads one operation of PyTorch may take, and return it."""
    threads = reading.count(options, "threads", _quota())
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads


def _quota() -> int:
    try:
        from inferry_server.cpu import threads
    except ImportError:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return threads()
