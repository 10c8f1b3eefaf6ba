"""The models of a Triton model repository, and what each of them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.errors import ModelLoadError
from inferry.runtime.files import listing, not_found
from inferry.status import Reason
from inferry_runtime_triton import _pbtxt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CONFIG = "config.pbtxt"
ENSEMBLE = "ensemble"
PYTHON = "python"
_LOOKED_FOR = (
    f"NAME/{CONFIG}, NAME/<version>/model.py (or model.onnx, model.pt, model.plan, "
    "model.savedmodel), or one such model itself"
)
#: Which backend serves a file, where the configuration names none.
_FILES = {
    "model.py": PYTHON,
    "model.onnx": "onnxruntime",
    "model.pt": "pytorch",
    "model.pt2": "pytorch",
    "model.plan": "tensorrt",
    "model.savedmodel": "tensorflow",
    "model.graphdef": "tensorflow",
    "model.xml": "openvino",
}
_PLATFORMS = {
    "ensemble": ENSEMBLE,
    "onnxruntime_onnx": "onnxruntime",
    "pytorch_libtorch": "pytorch",
    "tensorrt_plan": "tensorrt",
    "tensorflow_graphdef": "tensorflow",
    "tensorflow_savedmodel": "tensorflow",
}
#: What serves the files of a backend here without Triton.
INSTEAD = {
    "onnxruntime": "onnx",
    "pytorch": "pytorch",
    "tensorflow": "tensorflow",
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One model: its folder, the backend that it names, the code that it brings."""

    name: str
    folder: Path
    backend: str
    code: tuple[Path, ...] = ()


def read(path: Path, own_name: str) -> tuple[Found, ...]:
    """Return the models in the repository *path*, or the one model that *path* is.

    A model that is alone and has no name of its own is called *own_name*.

    Raises:
        ModelLoadError: There is none, or a file of one is plainly broken.

    """
    if not path.is_dir():
        what = (
            "is a file, not a model repository" if path.exists() else "does not exist"
        )
        raise ModelLoadError(
            f"{path} {what}: looked for {_LOOKED_FOR}",
            reason=Reason.ModelNotFound,
            remedy="correct the path (storageUri, --model)",
        )
    if _is_model(path):
        return (_model(path, own_name or path.name),)
    folders = [each for each in sorted(path.iterdir()) if each.is_dir()]
    models = tuple(_model(each, each.name) for each in folders if _is_model(each))
    if not models:
        raise not_found(path, "Triton", _LOOKED_FOR)
    return models


def _is_model(folder: Path) -> bool:
    if (folder / CONFIG).is_file():
        return True
    return any(
        file.name in _FILES for each in _versions(folder) for file in each.iterdir()
    )


def _versions(folder: Path) -> list[Path]:
    return [
        each
        for each in sorted(folder.iterdir())
        if each.is_dir() and each.name.isascii() and each.name.isdigit()
    ]


def _model(folder: Path, name: str) -> Found:
    config = folder / CONFIG
    said = _pbtxt.outermost(config) if config.is_file() else {}
    versions = _versions(folder)
    files = {file.name: file for each in versions for file in each.iterdir()}
    named = said.get("backend") or _PLATFORMS.get(said.get("platform", ""), "")
    backend = named or next((_FILES[each] for each in files if each in _FILES), "")
    name = said.get("name") or name
    if backend != ENSEMBLE and not files:
        raise ModelLoadError(
            f"the model {name!r} has no file in a folder of a version: looked for "
            f"{folder.name}/1/model.py and the like; found {listing(folder)}",
            reason=Reason.ModelNotFound,
            remedy="put the model into such a folder",
        )
    for file in folder.glob("*/model.py"):
        _pbtxt.text_of(file)
    code = _code(folder)
    if backend == PYTHON and not code:
        raise ModelLoadError(
            f"the model {name!r} of the Python backend has no {folder.name}/1/model.py;"
            f" found {listing(folder)}",
            reason=Reason.ModelNotFound,
            remedy="put the model into such a folder",
        )
    return Found(name=name, folder=folder, backend=backend, code=code)


def _code(folder: Path) -> tuple[Path, ...]:
    """Return what Triton may run of *folder*: Python, and libraries of backends."""
    found = (each for each in folder.rglob("*") if each.suffix == ".py")
    libraries = (each for each in folder.rglob("*.so*"))
    return tuple(sorted({*found, *libraries}))


def lay_out(models: Iterable[Found], folder: Path) -> None:
    """Make *folder* a repository of exactly *models*, by links to where they are."""
    folder.mkdir()
    for model in models:
        (folder / model.name).symlink_to(model.folder.resolve())


def unservable(model: Found, backends: Iterable[str]) -> ModelLoadError | None:
    """Return why *model* cannot be served by a Triton that has only *backends*."""
    known = sorted({*backends})
    if model.backend in {*known, ENSEMBLE}:
        return None
    instead = INSTEAD.get(model.backend, "")
    use = (
        f'serve the file itself with modelFormat {instead} (pip install "inferry['
        f'{instead}]"), '
        if instead
        else ""
    )
    what = f"the backend {model.backend}" if model.backend else "a backend"
    return ModelLoadError(
        f"the model {model.name!r} needs {what} of Triton, and the Triton of this "
        f"machine has only {', '.join(known)}",
        reason=Reason.NotSupportedByBackend,
        remedy=(
            f"{use}name a whole tritonserver by the setting server of "
            "[plugins.triton], or attach to one that runs with --url"
        ),
    )
