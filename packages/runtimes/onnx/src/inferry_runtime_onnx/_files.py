"""Find the one model file in what the storage gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOOKED_FOR = "model.onnx, one *.onnx file, or NAME/<version>/model.onnx"
_SHOWN = 10
_POINTERS = {
    b"version https://git-lfs": (
        "is a Git LFS pointer, not the model",
        "run `git lfs pull` where it was cloned",
    ),
    b"<!doctype": ("is a web page, not a model", "correct the address of the download"),
    b"<html": ("is a web page, not a model", "correct the address of the download"),
}


def find(path: Path) -> Path:
    """Return the ONNX file that *path* is or holds.

    A folder may hold ``model.onnx``, a single ``*.onnx`` file, or Triton's layout
    ``NAME/<version>/model.onnx``, of which the highest version is served.

    Raises:
        ModelLoadError: There is none, or more than one.

    """
    if path.is_file():
        return _readable(path)
    if not path.is_dir():
        raise ModelLoadError(
            f"{path} does not exist",
            reason=Reason.ModelNotFound,
            remedy="correct the path (storageUri, --model)",
        )
    named = path / "model.onnx"
    if named.is_file():
        return _readable(named)
    single = sorted(p for p in path.glob("*.onnx") if p.is_file())
    found = single or _newest_versions(path)
    if not found:
        raise ModelLoadError(
            f"no ONNX model in {path}: looked for {LOOKED_FOR}; found {_listing(path)}",
            reason=Reason.ModelNotFound,
            remedy="put the model there, or correct the path (storageUri, --model)",
        )
    if len(found) > 1:
        names = ", ".join(str(p.relative_to(path)) for p in found[:_SHOWN])
        raise ModelLoadError(
            f"{len(found)} ONNX models in {path}, one is served: {names}",
            reason=Reason.ModelNotFound,
            remedy="name one of them as the path (storageUri, --model), or call it "
            "model.onnx",
        )
    return _readable(found[0])


def _newest_versions(path: Path) -> list[Path]:
    """Return the highest version of each model in Triton's layout, at most 1 deep."""
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())]
    newest = (_newest(folder.glob("*/model.onnx")) for folder in folders)
    return [found for found in newest if found is not None]


def _newest(candidates: Iterable[Path]) -> Path | None:
    versions = {
        int(p.parent.name): p
        for p in candidates
        if p.parent.name.isascii() and p.parent.name.isdigit() and p.is_file()
    }
    return versions[max(versions)] if versions else None


def _readable(path: Path) -> Path:
    """Return *path* unless its first bytes show that it cannot be a model."""
    try:
        with path.open("rb") as file:
            head = file.read(32).lower()
    except OSError as error:
        raise ModelLoadError(
            f"{path} cannot be read: {error.strerror}", remedy="let this user read it"
        ) from None
    what, remedy = next(
        (said for start, said in _POINTERS.items() if head.startswith(start)),
        ("", ""),
    )
    if not head:
        what, remedy = "is empty", "save or upload the model again"
    if what:
        raise ModelLoadError(
            f"{path} {what}", reason=Reason.ModelCorrupt, remedy=remedy
        )
    return path


def _listing(path: Path) -> str:
    """Name what a folder holds, a few entries of it."""
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"
