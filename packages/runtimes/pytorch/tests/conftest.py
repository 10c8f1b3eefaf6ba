"""Tiny models of every form, made on the spot."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

import ml_dtypes  # noqa: F401 - numpy knows bfloat16 after this
import numpy as np
import pytest
import torch

from inferry.model import DATATYPES, InferRequest, Tensor
from inferry_runtime_pytorch.model import PytorchModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.total = torch.zeros(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.total = self.total + x.sum() * self.weight
        return self.total


@cache
def _plain() -> bytes:
    """Return an exported `Scale`, which takes a second to make."""
    file = io.BytesIO()
    shapes = {"x": {0: torch.export.Dim.DYNAMIC}}
    program = torch.export.export(
        Scale().eval(), (torch.zeros(2, 3),), dynamic_shapes=shapes
    )
    torch.export.save(program, file)
    return file.getvalue()


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
        if arguments is None and module is None:
            path.write_bytes(_plain())
            return path
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


def rewritten(
    path: Path, change: Callable[[str, bytes], bytes | None], more: Any = ()
) -> Path:
    """Change the entries of the archive at *path*; None leaves one out."""
    with zipfile.ZipFile(path) as archive:
        entries = [(each.filename, archive.read(each)) for each in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [*entries, *more]:
            changed = change(name, content)
            if changed is not None:
                archive.writestr(name, changed)
    return path


def mar(path: Path, model: Path, handler: str, **files: str | bytes) -> Path:
    """Archive the file *model* as TorchServe's archiver does."""
    more = files.pop("manifest", None)
    manifest = {
        "runtime": "python",
        "model": {"modelName": "m", "serializedFile": model.name, "handler": handler}
        | (json.loads(more) if more else {}),
        "archiverVersion": "0.12.0",
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(model, model.name)
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def loaded(path: Path, **options: Any) -> PytorchModel:
    """Return the model at *path* with one thread."""
    model = PytorchModel()
    model.load(path, {"threads": 1} | options)
    return model


def tensor(name: str, data: Any, datatype: str = "FP32") -> Tensor:
    """Return *data* as a tensor of *datatype*."""
    kind = "float32" if datatype == "BF16" else DATATYPES[datatype]
    array = np.asarray(data, kind)
    if datatype == "BF16":
        array = array.astype("bfloat16")
    return Tensor(name=name, datatype=datatype, data=array)


def ask(model: PytorchModel, *inputs: Tensor, **more: Any) -> dict[str, Any]:
    """Return the answer to *inputs* as lists by name."""
    answer = model.predict(InferRequest(inputs=inputs, **more))
    return {each.name: each.data.tolist() for each in answer.outputs}
