"""Tiny models of every form, made on the spot."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Scale(torch.nn.Module):
    """``x @ w + b``, with weights that are easy to reckon with."""

    def __init__(self, size: int = 3, outputs: int = 2) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(size, outputs)
        with torch.no_grad():
            self.linear.weight.fill_(1.0)
            self.linear.bias.copy_(torch.arange(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


class Counter(torch.nn.Module):
    """Adds up what it was given, as a model with a state does."""

    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.total = torch.zeros(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.total = self.total + x.sum() * self.weight
        return self.total


class Models:
    """Writes models into one folder; each method returns the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def script(self, module: torch.nn.Module | None = None, name: str = "m.pt") -> Path:
        path = self.folder / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = torch.jit.script((module or Scale()).eval())
            made.save(str(path))
        return path

    def exported(
        self,
        module: torch.nn.Module | None = None,
        arguments: tuple[Any, ...] | None = None,
        shapes: Any = None,
        name: str = "m.pt2",
        **named: Any,
    ) -> Path:
        path = self.folder / name
        if arguments is None:
            arguments = (torch.zeros(2, 3),)
            shapes = {"x": {0: torch.export.Dim.DYNAMIC}}
        program = torch.export.export(
            (module or Scale()).eval(), arguments, named, dynamic_shapes=shapes
        )
        torch.export.save(program, path)
        return path

    def saved(self, value: Any, name: str = "weights.pt", **options: Any) -> Path:
        path = self.folder / name
        torch.save(value, path, **options)
        return path


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path / "models")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
