"""Find the one model file in what the storage gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.runtime.files import ModelFiles, readable

if TYPE_CHECKING:
    from pathlib import Path

_FILES = ModelFiles(
    title="ONNX", names=("model.onnx",), patterns=("*.onnx",), versioned=True
)


def find(path: Path) -> Path:
    """Return the ONNX file that *path* is, whatever its name, or holds.

    A folder may hold ``model.onnx``, a single ``*.onnx`` file, or Triton's layout
    ``NAME/<version>/model.onnx``, of which the highest version is served.

    Raises:
        ModelLoadError: There is none, or more than one.

    """
    return readable(path) if path.is_file() else _FILES.find(path)
