"""PyTorch: a network of two dense layers, as TorchScript and as exported program."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from runtimes.case import Case, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

WIDTH = 64


def cases() -> Iterable[Case]:
    """Yield the same network in both forms, on random rows."""
    table = np.random.default_rng(0).normal(size=(32, WIDTH)).astype(np.float32)
    target = "inferry_runtime_pytorch.model:PytorchModel"
    needs = ("torch", "inferry_runtime_pytorch")
    yield Case(
        title="PyTorch, TorchScript, two dense layers",
        target=target,
        make=_script,
        bare=_bare_script,
        request=rows_of("input", table),
        needs=needs,
        options={"threads": 1, "inputs": f"input:FP32:-1x{WIDTH}"},
    )
    yield Case(
        title="PyTorch, exported, two dense layers",
        target=target,
        make=_exported,
        bare=_bare_exported,
        request=rows_of("input", table),
        needs=needs,
        options={"threads": 1},
    )


def _network() -> Any:  # noqa: ANN401 - torch has no types
    from torch import manual_seed, nn

    manual_seed(0)
    layers = (nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 8))
    return nn.Sequential(*layers).eval()


def _script(folder: Path) -> Path:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(_network()).save(str(folder / "model.pt"))
    return folder


def _exported(folder: Path) -> Path:
    import torch

    program = torch.export.export(
        _network(),
        (torch.zeros(2, WIDTH),),
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
    )
    torch.export.save(program, folder / "model.pt2")
    return folder


def _bare_script(folder: Path) -> Callable[..., Any]:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _asked(torch.jit.load(str(folder / "model.pt")))


def _bare_exported(folder: Path) -> Callable[..., Any]:
    import torch

    return _asked(torch.export.load(folder / "model.pt2").module())


def _asked(module: Any) -> Callable[..., Any]:  # noqa: ANN401 - as above
    import torch

    torch.set_num_threads(1)

    def ask(rows: Any) -> Any:  # noqa: ANN401 - arrays
        with torch.inference_mode():
            return module(torch.from_numpy(rows)).numpy()

    return ask
