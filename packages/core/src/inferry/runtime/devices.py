"""Choose the device of a model: the CPU, or a GPU by its number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["choose", "named", "number"]

_DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,3})?")


def named(option: str) -> tuple[str, ...]:
    """Return the devices of *option*: ``cpu``, ``cuda`` or ``cuda:N``, best first.

    Raises:
        ModelLoadError: It names none, or one that is no device.

    """
    names = [part.strip().lower() for part in option.split(",") if part.strip()]
    if not names or not all(map(_DEVICE.fullmatch, names)):
        raise ModelLoadError(
            f"unknown device {option!r}", remedy="use cpu, cuda, cuda:N or cuda,cpu"
        )
    return tuple(names)


def number(name: str) -> int | None:
    """Return which GPU the device *name* is, the first where it says none.

    None is the CPU.
    """
    return None if name == "cpu" else int(name.partition(":")[2] or 0)


def choose(option: str, gpus: Callable[[], int], *, library: str, install: str) -> str:
    """Return the first device of *option* that this machine has.

    *gpus* tells how many GPUs *library* finds, and is asked only if that matters;
    *install* is what brings more, beside the driver.

    Raises:
        ModelLoadError: It has none of them, or one has no such name.

    """
    names = named(option)
    found = gpus() if names[0] != "cpu" else 0
    for name in names:
        index = number(name)
        if index is None or index < found:
            return name
    raise ModelLoadError(
        f"the installed {library} finds {found or 'no'} GPU{'s' * (found != 1)}, "
        f"not {' or '.join(names)}",
        remedy=f"install {install} and the driver, or use the option device=cpu",
    )
