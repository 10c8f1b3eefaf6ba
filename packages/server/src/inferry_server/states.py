"""What a server is asked to serve, and how far it is."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - msgspec reads it at run time
from typing import Any, Literal

import msgspec

Phase = Literal["Pending", "Loading", "WarmingUp", "Ready", "Failed", "Unloaded"]

PHASES: tuple[Phase, ...] = (
    "Pending",
    "Loading",
    "WarmingUp",
    "Ready",
    "Failed",
    "Unloaded",
)
ON_THE_WAY: frozenset[Phase] = frozenset({"Pending", "Loading", "WarmingUp"})


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One model to serve.

    ``target`` is the class that serves it, ``module:Class``. ``runtime`` is the name of
    the runtime plugin that it comes from and ``install`` what pip needs to install it;
    both only make messages better. ``concurrency`` limits the calls of ``predict`` at
    one time, 0 leaves it to the model.
    """

    name: str
    target: str
    path: Path
    runtime: str = ""
    options: dict[str, Any] = {}
    concurrency: int = 0
    install: str = ""


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """Where one model is; ``seconds`` is the time it has spent in this phase.

    ``reason`` is one of `inferry.status.Reason`. A model that serves while a newer
    version of it loads or failed is Ready, and ``reason`` tells about the newer one.
    """

    name: str
    phase: Phase
    reason: str = ""
    message: str = ""
    remedy: str = ""
    seconds: float = 0.0
    progress: float | None = None
