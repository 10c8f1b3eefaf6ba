"""The device that a model runs on, and the threads of this process."""

from __future__ import annotations

import contextlib
import re

import torch

from inferry.errors import ModelLoadError
from inferry_server.cpu import threads as quota

_NAME = re.compile(r"cpu|cuda(:\d{1,3})?\Z")


def choose(option: str) -> str:
    """Return the first device of *option* that this machine has.

    Raises:
        ModelLoadError: It has none of them, or one has no such name.

    """
    wanted = [name.strip().lower() for name in option.split(",") if name.strip()]
    unknown = [name for name in wanted if not _NAME.fullmatch(name)]
    if unknown or not wanted:
        raise ModelLoadError(
            f"unknown device {option!r}",
            remedy="use cpu, cuda, cuda:N or cuda,cpu",
        )
    for name in wanted:
        if _has(name):
            return name
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    raise ModelLoadError(
        f"this machine has no device {option!r}: torch {torch.__version__} sees "
        f"{count} CUDA devices",
        remedy="install the driver, or use the option device=cpu",
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


def _has(name: str) -> bool:
    if name == "cpu":
        return True
    if not torch.cuda.is_available():
        return False
    _, _, index = name.partition(":")
    return int(index or 0) < int(torch.cuda.device_count())
