"""Read a model's file and say what it is, before XGBoost's native code sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import ModelLoadError
from inferry.runtime.files import ModelFiles
from inferry.status import Reason
from inferry_runtime_xgboost import _checks, _ubjson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FILES", "Document", "read"]

FILES = ModelFiles(
    title="XGBoost",
    names=("model.ubj", "model.json", "model.bst"),
    patterns=("*.ubj", "*.json", "*.bst"),
)
_SAVE_AGAIN = "save the model again with booster.save_model('model.ubj')"
_OLD = (b"binf", b"CONFIG-offset:", b"\x00\x00\x00")
_SPACE = b" \t\r\n"
_Version = tuple[int, ...]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A checked model: its bytes for XGBoost, and what it says of itself."""

    name: str
    data: bytes
    learner: Mapping[str, Any]
    version: _Version = ()

    @property
    def shown_version(self) -> str:
        """The XGBoost that saved it, as people write it; empty if unknown."""
        return ".".join(map(str, self.version))


def read(path: Path) -> Document:
    """Return the model at *path*, a file or a folder that holds one.

    Its trees lead nowhere but within themselves: XGBoost follows them unchecked.

    Raises:
        ModelLoadError: It is missing, of another format, cut off or changed.

    """
    file = FILES.find(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"{file} cannot be read: {error.strerror}", remedy="let this user read it"
        ) from None
    try:
        document = _decoded(file, data)
        learner = _checks.check(document)
    except ModelLoadError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise _corrupt(file, error) from None
    return Document(
        name=file.name, data=data, learner=learner, version=_version(document)
    )


def _decoded(file: Path, data: bytes) -> Any:  # noqa: ANN401 - any document
    _refuse_others(file, data[:64])
    if data[:1] == b"{" and data[1:2] == b"L":
        return _ubjson.decode(data)
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        # XGBoost writes NaN and Infinity, which are no JSON.
        return json.loads(data)


def _refuse_others(file: Path, head: bytes) -> None:
    if head.startswith(b"tree\n"):
        raise ModelLoadError(
            f"{file.name} is a LightGBM model, not one of XGBoost",
            reason=Reason.ModelCorrupt,
            remedy="use the format lightgbm (modelFormat.name)",
        )
    if head.startswith(b"\x80"):
        raise ModelLoadError(
            f"{file.name} is a pickle, which runs whatever code it holds",
            reason=Reason.ModelUnsafe,
            remedy=_SAVE_AGAIN,
        )
    if head.startswith(_OLD) or not head.lstrip().startswith(b"{"):
        raise ModelLoadError(
            f"{file.name} is no XGBoost model in JSON or UBJSON; the old binary format "
            "is not read by any XGBoost since 3.1",
            reason=Reason.ModelCorrupt,
            remedy=(
                "if it is one, load it with xgboost<3.1 and "
                "booster.save_model('model.ubj')"
            ),
        )


def _corrupt(file: Path, error: Exception) -> ModelLoadError:
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        said = f"{error.args[0]!r} is missing"
    return ModelLoadError(
        f"{file.name} is not an XGBoost model, or is damaged: {said}",
        reason=Reason.ModelCorrupt,
        remedy=_SAVE_AGAIN,
    )


def _version(document: Mapping[str, Any]) -> _Version:
    found = document.get("version", ())
    return tuple(int(each) for each in found) if len(found) else ()
