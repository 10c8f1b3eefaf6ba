"""Find the two files of a Paddle model: its program and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from inferry.errors import ModelLoadError
from inferry.runtime.files import ModelFiles, listing, readable
from inferry.status import Reason

if TYPE_CHECKING:
    from pathlib import Path

#: A program of Paddle 2 is a protobuf, one of Paddle 3 is JSON. The order is KServe's.
_PROGRAMS = (".pdmodel", ".json")
_FILES = ModelFiles(title="Paddle", patterns=("*.pdiparams",), versioned=True)


class Files(NamedTuple):
    """The files of one model."""

    program: Path
    parameters: Path


def find(path: Path) -> Files:
    """Return the files of the model that *path* is or holds.

    A folder may hold them itself or in ``[NAME/]<version>/`` folders, of which the
    highest version is served. The path may also be that of one of the two files.

    Raises:
        ModelLoadError: There is none, more than one, or one of the two is missing.

    """
    if path.is_file() and path.suffix in _PROGRAMS:
        parameters = path.with_suffix(".pdiparams")
        if not parameters.is_file():
            raise _missing(path, parameters.name, path.parent)
        return Files(readable(path), readable(parameters))
    parameters = _FILES.find(path)
    return Files(readable(_program(parameters)), parameters)


def _program(parameters: Path) -> Path:
    """Return the program of the same name, else the only one beside *parameters*."""
    for suffix in _PROGRAMS:
        named = parameters.with_suffix(suffix)
        if named.is_file():
            return named
    for suffix in _PROGRAMS:
        found = sorted(parameters.parent.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
    looked_for = " or ".join(parameters.with_suffix(each).name for each in _PROGRAMS)
    raise _missing(parameters, looked_for, parameters.parent)


def _missing(have: Path, looked_for: str, folder: Path) -> ModelLoadError:
    return ModelLoadError(
        f"{have.name} is half of a Paddle model: looked for {looked_for} beside it; "
        f"found {listing(folder)}",
        reason=Reason.ModelNotFound,
        remedy="put both files into the folder",
    )
