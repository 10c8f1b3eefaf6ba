"""The device that a model runs on, and the threads of this process."""

from __future__ import annotations

import contextlib

import torch

from inferry.runtime import devices
from inferry_server.cpu import threads as quota


def choose(option: str) -> str:
    """Return the first device of *option* that this machine has.

    Raises:
        ModelLoadError: It has none of them, or one has no such name.

    """
    return devices.choose(
        option,
        torch.cuda.device_count,
        library=f"PyTorch {torch.__version__}",
        install="a PyTorch with CUDA",
    )


def set_threads(option: int) -> int:
    """Set how many threads one inference takes, and return it; 0 takes the quota.

    Torch has one setting for the process: of several models the last one loaded sets
    it for all.
    """
    count = option or quota()
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    # Torch refuses to change this once anything ran in parallel.
    with contextlib.suppress(RuntimeError):
        if torch.get_num_interop_threads() != 1:
            torch.set_num_interop_threads(1)
    return count
