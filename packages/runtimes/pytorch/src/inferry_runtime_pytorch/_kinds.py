"""Find the one model file, and tell what it is by what it holds.

The suffix says little: `.pt` is a TorchScript archive, a state dict or a pickle of a
whole model, and `.pt2` is an exported program or compiled code.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from inferry.runtime.files import ModelFiles, readable
from inferry_runtime_pytorch._archive import Archive, corrupt

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILES", "MANIFEST", "OLD_EXPORT", "Kind", "find", "kind", "readable"]

FILES = ModelFiles(
    title="PyTorch",
    names=("model.pt2", "model.pt", "model.pth", "model.safetensors"),
    patterns=(
        *("*.pt2", "*.pt", "*.pth", "*.jit", "*.ts", "*.safetensors"),
        *("*.mar", "model-store/*.mar"),
    ),
    versioned=True,
)
MANIFEST = "MAR-INF/MANIFEST.json"
OLD_EXPORT = "serialized_exported_program.json"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_PICKLE = b"\x80"
_GZIP = b"\x1f\x8b"
_COMPILED = ("data/aotinductor/", "model/aotinductor/")


class Kind(Enum):
    """What a model file is."""

    SCRIPT = "a TorchScript archive"
    EXPORTED = "an exported program"
    COMPILED = "a program compiled by AOTInductor"
    WEIGHTS = "a checkpoint"
    SAFETENSORS = "a safetensors file"
    MAR = "a TorchServe archive"


def find(path: Path) -> tuple[Path, Kind]:
    """Return the model file that *path* is or holds, and what it is.

    Raises:
        ModelLoadError: There is none, more than one, or it is no model of PyTorch.

    """
    file = FILES.find(path)
    return file, kind(file)


def kind(file: Path) -> Kind:
    """Tell what *file* is by its first bytes and the names in its archive.

    Raises:
        ModelLoadError: It is nothing that PyTorch or TorchServe writes.

    """
    with file.open("rb") as opened:
        head = opened.read(4)
    if file.suffix == ".safetensors":
        return Kind.SAFETENSORS
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        with Archive(file) as archive:
            return _of_archive(archive)
    if head.startswith(_GZIP) and file.suffix == ".mar":
        raise corrupt(file, "it is a tar archive, of which only the zip form is read")
    if head.startswith(_PICKLE) and file.suffix != ".mar":
        return Kind.WEIGHTS
    raise corrupt(file, "it is nothing that torch.save or torch.export writes")


def _of_archive(archive: Archive) -> Kind:
    names = {*archive.within(), *archive.names}
    if MANIFEST in names:
        return Kind.MAR
    if any(name.startswith(_COMPILED) for name in names):
        return Kind.COMPILED
    if "archive_format" in names or OLD_EXPORT in names:
        return Kind.EXPORTED
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return Kind.SCRIPT
    if "data.pkl" in names:
        return Kind.WEIGHTS
    raise corrupt(
        archive.path, "the archive holds neither data.pkl nor an exported program"
    )
