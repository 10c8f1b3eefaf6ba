"""What every kind of model becomes once it is loaded: something to call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inferry.model import TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of ``forward``.

    ``type`` is ``tensor``, or the Python number or text that a tensor of one element
    becomes. ``keyword`` is passed by name.
    """

    name: str
    type: str = "tensor"
    required: bool = True
    keyword: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A loaded model; ``call`` takes the arguments of ``forward``.

    ``inputs`` and ``outputs`` are what the file itself says, empty where it says
    nothing. ``check`` refuses tensors whose sizes do not fit each other. ``copy``
    makes one with a state of its own, where ``call`` changes the state.
    ``batching`` is None where nothing is known, ``most`` are the rows that one call
    takes, 0 for any. ``example`` has the shapes of inputs that are known to work, and
    ``texts`` elements of BYTES that are. ``memory`` counts the bytes of all weights,
    and ``float_type`` is what they are made of.
    """

    call: Callable[..., Any]
    arguments: Sequence[Argument] | None
    platform: str
    module: Any = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    check: Callable[[Sequence[Any]], None] | None = None
    copy: Callable[[], Callable[..., Any]] | None = None
    batching: bool | None = None
    most: int = 0
    example: tuple[tuple[int, ...], ...] = ()
    texts: tuple[bytes, ...] = ()
    memory: int = 0
    float_type: Any = torch.float32


def weigh(tensors: Iterable[Any]) -> dict[str, Any]:
    """Return what `Program` says of the weights *tensors*."""
    known = list(tensors)
    floats = (each.dtype for each in known if each.is_floating_point())
    return {
        "memory": sum(each.numel() * each.element_size() for each in known),
        "float_type": next(floats, torch.float32),
    }
