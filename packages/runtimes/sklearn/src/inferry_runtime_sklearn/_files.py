"""Find the one model file in what the storage gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from pathlib import Path

SAFE = (".skops",)
PICKLES = (".joblib", ".pkl", ".pickle")
_LOOKED_FOR = "one *.skops file (or *.joblib, *.pkl, *.pickle)"
_SHOWN = 10


def find(path: Path) -> Path:
    """Return the model file that *path* is, or the only one it holds.

    Raises:
        ModelLoadError: There is none, or more than one.

    """
    if path.is_file():
        return _known(path)
    if not path.is_dir():
        raise ModelLoadError(
            f"{path} does not exist",
            reason=Reason.ModelNotFound,
            remedy="correct the path (storageUri, --model)",
        )
    found = sorted(
        p for p in path.iterdir() if p.suffix in SAFE + PICKLES and p.is_file()
    )
    if not found:
        raise ModelLoadError(
            f"no scikit-learn model in {path}: looked for {_LOOKED_FOR}, "
            f"found {_listing(path)}",
            reason=Reason.ModelNotFound,
            remedy="put the model there, or correct the path (storageUri, --model)",
        )
    if len(found) > 1:
        names = ", ".join(p.name for p in found[:_SHOWN])
        raise ModelLoadError(
            f"{len(found)} scikit-learn models in {path}, one is served: {names}",
            reason=Reason.ModelNotFound,
            remedy="name one of them as the path (storageUri, --model)",
        )
    return found[0]


def _known(path: Path) -> Path:
    if path.suffix not in SAFE + PICKLES:
        raise ModelLoadError(
            f"{path.name} is no scikit-learn model: looked for {_LOOKED_FOR}",
            reason=Reason.ModelNotFound,
            remedy="save the model with skops.io.dump(model, 'model.skops')",
        )
    return path


def _listing(path: Path) -> str:
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "nothing"
