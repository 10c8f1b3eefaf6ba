"""Find the one model in what the storage gave, or say what was found instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["ModelFiles", "listing", "not_found", "readable"]

_SHOWN = 10
_HEAD = 32
_POINTERS = {
    b"version https://git-lfs": (
        "is a Git LFS pointer, not the model",
        "run `git lfs pull` where it was cloned",
    ),
    b"<!doctype": ("is a web page, not a model", "correct the address of the download"),
    b"<html": ("is a web page, not a model", "correct the address of the download"),
}
_PUT_IT = "put the model there, or correct the path (storageUri, --model)"
#: The model format whose file a name or a suffix is, for those that are plain to see.
_FORMATS = {
    ".joblib": "sklearn",
    ".mar": "pytorch",
    ".onnx": "onnx",
    ".pdiparams": "paddle",
    ".pdmodel": "paddle",
    ".pt": "pytorch",
    ".pt2": "pytorch",
    ".pth": "pytorch",
    ".safetensors": "huggingface",
    ".skops": "sklearn",
    ".tflite": "tensorflow",
    ".ubj": "xgboost",
    "config.pbtxt": "triton",
    "saved_model.pb": "tensorflow",
}
_PICKLES = (".pkl", ".pickle")
_NAME_ONE = "name one of them as the path (storageUri, --model)"


class ModelFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Which files are models of one framework, called *title* in messages.

    ``names`` are looked for first, in this order; one of them is taken whatever lies
    beside it. Else the only file that matches one of ``patterns`` is. With
    ``versioned``, a folder that has neither may hold ``[NAME/]<version>/`` folders, as
    Triton lays them out, of which the highest version counts.
    """

    title: str
    patterns: tuple[str, ...]
    names: tuple[str, ...] = ()
    versioned: bool = False

    @property
    def looked_for(self) -> str:
        """What is looked for, as a message names it."""
        looked = [*self.names, *(f"one {pattern} file" for pattern in self.patterns)]
        if self.versioned:
            looked.append("<version>/ folders with one of them")
        return ", ".join(looked)

    def find(self, path: Path) -> Path:
        """Return the model file that *path* is or holds.

        Raises:
            ModelLoadError: There is none, more than one, or it is plainly no model.

        """
        if path.is_file():
            if not any(path.match(each) for each in (*self.names, *self.patterns)):
                raise ModelLoadError(
                    f"{path.name} is no {self.title} model: looked for "
                    f"{self.looked_for}",
                    reason=Reason.ModelNotFound,
                    remedy=_hint([path.name], self.title)
                    + "correct the path (storageUri, --model)",
                )
            return readable(path)
        if not path.is_dir():
            raise ModelLoadError(
                f"{path} does not exist",
                reason=Reason.ModelNotFound,
                remedy="correct the path (storageUri, --model)",
            )
        found = self._within(path) or (self._newest(path) if self.versioned else [])
        if not found:
            raise not_found(path, self.title, self.looked_for)
        if len(found) > 1:
            names = ", ".join(str(each.relative_to(path)) for each in found[:_SHOWN])
            raise ModelLoadError(
                f"{len(found)} {self.title} models in {path}, one is served: {names}",
                reason=Reason.ModelNotFound,
                remedy=_NAME_ONE,
            )
        return readable(found[0])

    def _within(self, folder: Path) -> list[Path]:
        for name in self.names:
            if (folder / name).is_file():
                return [folder / name]
        matching = {each for pattern in self.patterns for each in folder.glob(pattern)}
        return sorted(each for each in matching if each.is_file())

    def _newest(self, path: Path) -> list[Path]:
        """Return the models of the highest version of each name, at most 1 deep."""
        found: list[Path] = []
        for folder in (path, *_folders(path)):
            numbered = [each for each in _folders(folder) if _is_version(each.name)]
            for version in sorted(numbered, key=lambda each: -int(each.name)):
                if models := self._within(version):
                    found += models
                    break
        return found


def not_found(path: Path, title: str, looked_for: str) -> ModelLoadError:
    """Return the error that says what a folder holds instead of a model."""
    return ModelLoadError(
        f"no {title} model in {path}: looked for {looked_for}; found {listing(path)}",
        reason=Reason.ModelNotFound,
        remedy=_hint(_files(path), title) + _PUT_IT,
    )


def _files(path: Path) -> list[str]:
    try:
        return sorted(each.name for each in path.iterdir() if each.is_file())
    except OSError:
        return []


def _hint(names: Iterable[str], title: str) -> str:
    """Say which format a file of *names* is of, unless *title* is the name of it."""
    own = title.replace(" ", "").lower()
    for name in names:
        suffix = name[name.rfind(".") :] if "." in name else ""
        known = _FORMATS.get(name) or _FORMATS.get(suffix)
        if known and known != own:
            return f"if {name} is the model, use the format {known}, or "
        if suffix in _PICKLES:
            return (
                f"{name} is a pickle: save it as its framework does, or use the format "
                "sklearn if scikit-learn wrote it; else "
            )
    return ""


def readable(path: Path) -> Path:
    """Return *path* unless its first bytes show that it cannot be a model.

    Raises:
        ModelLoadError: It is empty, a pointer of Git LFS, a web page, or unreadable.

    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).lower()
    except OSError as error:
        raise ModelLoadError(
            f"{path} cannot be read: {error.strerror}", remedy="let this user read it"
        ) from None
    what, remedy = next(
        (said for start, said in _POINTERS.items() if head.startswith(start)), ("", "")
    )
    if not head:
        what, remedy = "is empty", "save or upload the model again"
    if what:
        raise ModelLoadError(
            f"{path} {what}", reason=Reason.ModelCorrupt, remedy=remedy
        )
    return path


def listing(path: Path) -> str:
    """Name what a folder holds, a few entries of it."""
    try:
        names = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    except OSError as error:
        return f"a folder that cannot be read ({error.strerror})"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"


def _folders(path: Path) -> Iterable[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir())


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit()
