"""Find the user's file, run it as a module of its own, and pick the class."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import threading
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_python import _where

if TYPE_CHECKING:
    from collections.abc import Iterator

_COUNT = itertools.count(1)
# The import system's path and table of modules are the process's.
_IMPORTING = threading.RLock()


def find(path: Path, module: str) -> Path:
    """Return the file that *path* is, or that *module* names in the folder *path*.

    Raises:
        ModelLoadError: There is none, or it lies outside the folder.

    """
    if path.is_file() and path.suffix == ".py":
        return path.resolve()
    if not path.is_dir():
        raise ModelLoadError(
            f"{path} is neither a folder nor a *.py file",
            reason=Reason.ModelNotFound,
            remedy="correct the path (storageUri, --model)",
        )
    file = (path / module).resolve()
    if not file.is_relative_to(path.resolve()):
        raise ModelLoadError(
            f"the option module={module} leaves the model's folder",
            reason=Reason.ModelUnsafe,
        )
    if not file.is_file():
        there = sorted(p.name for p in path.glob("*.py"))
        raise ModelLoadError(
            f"no {module} in {path}: found {', '.join(there) or 'no *.py file'}",
            reason=Reason.ModelNotFound,
            remedy='name the file with args: ["--module=FILE.py"]',
        )
    return file


def load_class(file: Path, name: str) -> type[Any]:
    """Run *file* and return its class *name*, or its only class with ``predict``.

    Each call makes a new module, so that a changed file is a changed class.

    Raises:
        ModelLoadError: The code fails, or there is no such class.

    """
    return _pick(_execute(file), file, name)


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let the modules in *folder* be imported, and forget their names afterwards.

    What was imported lives on in the module that did it; another model, or the next
    version of this one, has modules of the same names for itself.
    """
    with _IMPORTING:
        before = dict(sys.modules)
        writes = sys.dont_write_bytecode
        # A compiled file is taken for current when its source changes within a second.
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.dont_write_bytecode = writes
            if str(folder) in sys.path:
                sys.path.remove(str(folder))
            sys.path_importer_cache.pop(str(folder), None)
            for name in [n for n in sys.modules if n not in before]:
                if _is_below(sys.modules[name], folder):
                    del sys.modules[name]


def _execute(file: Path) -> ModuleType:
    name = f"_inferry_model_{next(_COUNT)}"
    module = ModuleType(name)
    module.__file__ = str(file)
    try:
        code = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        with importable(file.parent):
            # Dataclasses and pickles look their module up by its name.
            sys.modules[name] = module
            exec(code, module.__dict__)  # noqa: S102 - the settings trust this file
    except ModuleNotFoundError as error:
        sys.modules.pop(name, None)
        raise ModelLoadError(
            _where.described(error, file.parent),
            remedy=f"install what provides {error.name} beside the runtime",
        ) from error
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise ModelLoadError(_where.described(error, file.parent)) from error
    sys.modules[name] = module
    return module


def forget(cls: type[Any]) -> None:
    """Drop the module of *cls* from the table of modules."""
    if cls.__module__.startswith("_inferry_model_"):
        sys.modules.pop(cls.__module__, None)


def _pick(module: ModuleType, file: Path, name: str) -> type[Any]:
    classes = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    if name:
        found = vars(module).get(name)
        if isinstance(found, type):
            return found
        near = get_close_matches(name, classes, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {_listed(classes)}"
        raise ModelLoadError(
            f"{file.name} has no class {name}",
            reason=Reason.ModelNotFound,
            remedy=hint,
        )
    able = {k: v for k, v in classes.items() if callable(getattr(v, "predict", None))}
    if len(able) == 1:
        return next(iter(able.values()))
    what = f"{len(able)} classes with predict ({_listed(able)})" if able else "no class"
    remedy = 'name one with args: ["--class=NAME"]' if able else "write one"
    raise ModelLoadError(
        f"{file.name} has {what}{'' if able else ' with predict'}",
        reason=Reason.ModelNotFound,
        remedy=remedy,
    )


def _listed(classes: dict[str, Any]) -> str:
    return ", ".join(classes) or "no class"


def _is_below(module: ModuleType | None, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        # A namespace package has folders and no file.
        folders = list(getattr(module, "__path__", ()))
        return any(Path(each).is_relative_to(folder) for each in folders)
    return Path(file).resolve().is_relative_to(folder)
