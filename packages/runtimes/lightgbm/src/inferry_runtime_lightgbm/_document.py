"""Find a model's file and say what it is, before LightGBM's native code sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import ModelLoadError
from inferry.runtime.files import ModelFiles
from inferry.status import Reason
from inferry_runtime_lightgbm import _text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["FILES", "Document", "read"]

FILES = ModelFiles(
    title="LightGBM",
    names=("model.txt", "model.bst"),
    patterns=("*.txt", "*.bst"),
)
_SAVE_AGAIN = "save the model again with booster.save_model('model.txt')"
_MARK = b"tree"
_CATEGORIES = "\npandas_categorical:"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A checked model: its text for LightGBM, and what it says of itself.

    ``categories`` are those of each column that had a category in pandas.
    """

    name: str
    text: str
    header: _text.Header
    categories: Sequence[Sequence[Any]] = ()


def read(path: Path) -> Document:
    """Return the model at *path*, a file or a folder that holds one.

    Raises:
        ModelLoadError: It is missing, of another format, cut off or changed.

    """
    file = _found(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"{file} cannot be read: {error.strerror}", remedy="let this user read it"
        ) from None
    _refuse_others(file, data[:64])
    try:
        text = data.decode().replace("\r\n", "\n")
        header = _text.check(text)
        return Document(
            name=file.name,
            text=_text.trees(text),
            header=header,
            categories=_categories(text),
        )
    except (ValueError, KeyError, OverflowError, RecursionError) as error:
        raise _corrupt(file, error) from None


def _found(path: Path) -> Path:
    """Return the model file; of several texts in a folder, the one that is a model."""
    if path.is_dir() and not any((path / name).is_file() for name in FILES.names):
        texts = [each for kind in FILES.patterns for each in path.glob(kind)]
        models = [each for each in texts if each.is_file() and _is_model(each)]
        if len(models) == 1:
            return models[0]
    return FILES.find(path)


def _is_model(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MARK)) == _MARK
    except OSError:
        return True  # it may be one, and is refused by name


def _refuse_others(file: Path, head: bytes) -> None:
    if head.startswith(b"\x80"):
        raise ModelLoadError(
            f"{file.name} is a pickle, which runs whatever code it holds",
            reason=Reason.ModelUnsafe,
            remedy=_SAVE_AGAIN,
        )
    if head.lstrip().startswith(b"{"):
        raise ModelLoadError(
            f"{file.name} is JSON or UBJSON, not a text model of LightGBM",
            reason=Reason.ModelCorrupt,
            remedy="use the format xgboost (modelFormat.name) if it is XGBoost's; "
            f"what dump_model gives cannot be read back: {_SAVE_AGAIN}",
        )
    if head.split(b"\n")[0].strip() != _MARK:
        raise ModelLoadError(
            f"{file.name} is not a text model of LightGBM: it does not begin with tree",
            reason=Reason.ModelCorrupt,
            remedy=_SAVE_AGAIN,
        )


def _categories(text: str) -> list[list[Any]]:
    """Return what the last line says about the categories of pandas."""
    _, found, line = text.rpartition(_CATEGORIES)
    if not found:
        return []
    known = json.loads(line) or []
    if not isinstance(known, list) or not all(isinstance(each, list) for each in known):
        raise ValueError("pandas_categorical cannot be right")
    return known


def _corrupt(file: Path, error: Exception) -> ModelLoadError:
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        said = f"{error.args[0]!r} is missing"
    return ModelLoadError(
        f"{file.name} is not a LightGBM model, or is damaged: {said}",
        reason=Reason.ModelCorrupt,
        remedy=_SAVE_AGAIN,
    )
