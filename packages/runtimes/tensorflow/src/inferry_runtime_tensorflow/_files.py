"""Find the one model in what the storage gave: a SavedModel or a TFLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.runtime.files import ModelFiles, readable
from inferry.status import Reason

if TYPE_CHECKING:
    from pathlib import Path

_FILES = ModelFiles(
    title="TensorFlow",
    names=("saved_model.pb", "model.savedmodel/saved_model.pb", "model.tflite"),
    patterns=("*.tflite",),
    versioned=True,
)
_KERAS = (".keras", ".h5", ".hdf5")
_VERSION = (4, 8)
_TFLITE = b"TFL3"


def find(path: Path) -> Path:
    """Return the ``saved_model.pb`` or the ``.tflite`` file that *path* is or holds.

    A folder may hold it itself or as TensorFlow Serving lays models out, in
    ``[NAME/]<version>/`` folders, of which the highest version is served.

    Raises:
        ModelLoadError: There is none, more than one, or it is plainly none.

    """
    try:
        found = _FILES.find(path)
    except ModelLoadError:
        _refuse_keras(path)
        raise
    if found.name == "saved_model.pb":
        for each in sorted(found.parent.glob("variables/*")):
            if each.is_file():
                readable(each)
        return found
    return _flatbuffer(found)


def _flatbuffer(path: Path) -> Path:
    with path.open("rb") as file:
        head = file.read(_VERSION[1])
    if head[slice(*_VERSION)] != _TFLITE:
        raise ModelLoadError(
            f"{path.name} is no TFLite model: bytes 4 to 8 are not TFL3",
            reason=Reason.ModelCorrupt,
            remedy="convert or upload the model again",
        )
    return path


def _refuse_keras(path: Path) -> None:
    """Say what to do with a file of Keras, whose layers may hold any code."""
    files = [path] if path.is_file() else sorted(path.glob("*"))
    for each in files:
        if each.suffix in _KERAS and each.is_file():
            raise ModelLoadError(
                f"{each.name} is a Keras file, which may hold code; the tensorflow "
                "runtime serves SavedModels and TFLite models",
                reason=Reason.ModelUnsafe,
                remedy='write a SavedModel with model.export("1") where it was made',
            )
