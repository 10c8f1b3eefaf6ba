"""The device, the numbers and the threads that the options name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from inferry.runtime import devices
from inferry.runtime import options as reading
from inferry_server.cpu import threads as quota

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["choose_device", "choose_dtype", "use_threads"]

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
    chosen = devices.choose(
        str(options.get("device") or "cpu"),
        torch.cuda.device_count,
        library=f"PyTorch {torch.__version__}",
        install="a PyTorch with CUDA",
    )
    return torch.device(chosen)


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
    threads = reading.count(options, "threads", quota())
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads
