"""Read a model from its file, as safely as its format allows.

A skops file is data: it names types, and only known ones are built. A pickle is a
program, so joblib and pickle files are read only where the service says so.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_sklearn import _trees
from inferry_runtime_sklearn._files import SAFE
from inferry_runtime_sklearn._trusted import DATA, TREE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_SCHEMA = 256 * 2**20


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A model and the version of scikit-learn that saved it, empty if unknown."""

    model: Any
    version: str = ""

    @property
    def mismatch(self) -> str:
        """Name both versions where they differ; empty where they do not."""
        installed = str(sklearn.__version__)
        if self.version in {"", installed}:
            return ""
        return f"saved by scikit-learn {self.version}, installed is {installed}"


def read(
    path: Path, *, allow_pickle: bool, trusted: frozenset[str], strict: bool
) -> Saved:
    """Read the model at *path*.

    Args:
        path: A file whose suffix tells its format.
        allow_pickle: Whether joblib and pickle files may be read.
        trusted: Full names of types that a skops file may hold besides known ones.
        strict: Whether another version of scikit-learn is an error.

    Raises:
        ModelLoadError: Unsafe, corrupt, of another version, or it needs what is not
            installed.

    """
    if path.suffix == SAFE:
        return _read_skops(path, trusted, strict=strict)
    if not allow_pickle:
        raise ModelLoadError(
            f"{path.name} is a pickle, and loading one runs whatever code it holds",
            reason=Reason.ModelUnsafe,
            remedy=(
                "save the model with skops.io.dump, or, if you trust the file, add "
                '`args: ["--allowPickle=true"]` to the model'
            ),
        )
    return _read_pickle(path, strict=strict)


def mismatch_error(name: str, saved: Saved, detail: str = "") -> ModelLoadError:
    """Return the error for a model of another version that cannot be served."""
    return ModelLoadError(
        f"{name} was {saved.mismatch}{': ' if detail else ''}{detail}",
        reason=Reason.ModelVersionMismatch,
        remedy=(
            f"install scikit-learn=={saved.version}, or save the model with "
            f"{sklearn.__version__}"
        ),
    )


def one_line(error: BaseException) -> str:
    """Return the first line of what *error* says."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _read_skops(path: Path, trusted: frozenset[str], *, strict: bool) -> Saved:
    from skops import io

    saved = Saved(model=None, version=_skops_version(path))
    if strict and saved.mismatch:
        raise mismatch_error(path.name, saved)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            unknown = set(io.get_untrusted_types(file=path))
            _refuse_untrusted(path, unknown - trusted - DATA - {TREE})
            model = io.load(path, trusted=sorted(unknown))
        if TREE in unknown - trusted:
            _trees.check(model, path.name)
    except ModelLoadError:
        raise
    except Exception as error:
        raise _unreadable(path, saved, error) from error
    return Saved(model=model, version=saved.version)


def _refuse_untrusted(path: Path, types: set[str]) -> None:
    if types:
        names = ",".join(sorted(types))
        raise ModelLoadError(
            f"{path.name} holds types that are not known to be safe: {names}",
            reason=Reason.ModelUnsafe,
            remedy=(
                f'if you trust them, add `args: ["--trustedTypes={names}"]` '
                "to the model"
            ),
        )


def _skops_version(path: Path) -> str:
    """Return the version that skops wrote beside the fitted estimators."""
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo("schema.json")
            # Bounded: what a small archive unpacks to can be of any size.
            with archive.open(entry) as file:
                schema = json.loads(file.read(_MAX_SCHEMA))
        return max(_versions(schema), default="")
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, OSError) as error:
        raise ModelLoadError(
            f"{path.name} is not a skops file: {one_line(error)}",
            reason=Reason.ModelCorrupt,
            remedy="save the model again with skops.io.dump",
        ) from None


def _versions(schema: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            version = node.get("_sklearn_version")
            if isinstance(version, dict) and isinstance(version.get("content"), str):
                yield version["content"].strip('"')
            waiting += node.values()


def _read_pickle(path: Path, *, strict: bool) -> Saved:
    import joblib

    saved = Saved(model=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = joblib.load(path)
        except Exception as error:
            saved = Saved(model=None, version=_warned_version(caught))
            raise _unreadable(path, saved, error) from error
    saved = Saved(model=model, version=_warned_version(caught))
    if strict and saved.mismatch:
        raise mismatch_error(path.name, saved)
    return saved


def _warned_version(caught: list[warnings.WarningMessage]) -> str:
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            return str(warning.message.original_sklearn_version)
    return ""


def _unreadable(path: Path, saved: Saved, error: Exception) -> ModelLoadError:
    """Return why a file could not be read: its version, a missing module, its bytes."""
    said = f"{type(error).__name__}: {one_line(error)}"
    if saved.mismatch:
        return mismatch_error(path.name, saved, said)
    if isinstance(error, ModuleNotFoundError):
        return ModelLoadError(
            f"{path.name} needs the module {error.name}, which is not installed",
            remedy="install it beside the runtime",
        )
    if isinstance(error, AttributeError) and "module" in said:
        return ModelLoadError(
            f"{path.name} needs what its modules do not have: {one_line(error)}",
            remedy="define it in a module that is installed, and save the model again",
        )
    if isinstance(error, MemoryError):
        return ModelLoadError(
            f"{path.name} does not fit into memory", reason=Reason.OutOfMemory
        )
    return ModelLoadError(
        f"{path.name} cannot be read: {said}",
        reason=Reason.ModelCorrupt,
        remedy="save or upload the model again",
    )
