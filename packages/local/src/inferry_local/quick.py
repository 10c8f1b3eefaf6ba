"""The quickest way in: `inferry run model.py:MyModel`, a class without any YAML.

An InferenceService is made in memory, of the format ``python``. Nothing of the file is
executed here: it is parsed, so that a mistake is told before anything starts.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from inferry.api import (
    InferenceService,
    InferenceServiceSpec,
    ModelFormatRef,
    ModelSpec,
    ObjectMeta,
    PredictorSpec,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TARGET = re.compile(r"(?P<file>.+\.py):(?P<name>[^:/]*)\Z")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")

#: Changes whenever the code does, so that an edit makes a new revision.
SOURCE_ANNOTATION = "inferry.dev/source"

#: Files whose edit means a new model. Others (logs, databases, what a shell redirects
#: into the folder) are often written while the model serves: it would reload for ever.
SUFFIXES = frozenset(
    {
        *(".py", ".yaml", ".yml", ".toml"),
        *(
            ".joblib",
            ".keras",
            ".model",
            ".npy",
            ".npz",
            ".onnx",
            ".pkl",
            ".pt",
            ".pth",
        ),
        *(".safetensors", ".skops", ".ubj"),
    }
)
_MAX_FOLDERS = 200
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickTarget:
    """A class in a file, and the service that it becomes."""

    file: Path
    class_name: str
    name: str
    namespace: str = "default"

    @property
    def folder(self) -> Path:
        """The folder that is served, and may be imported from."""
        return self.file.parent

    def document(self) -> InferenceService:
        """Return the service as its code is now."""
        args = [f"--module={self.file.name}", f"--class={self.class_name}"]
        model = ModelSpec(
            model_format=ModelFormatRef(name="python"),
            storage_uri=str(self.folder),
            container={"args": args},
        )
        predictor = PredictorSpec(
            model=model, annotations={SOURCE_ANNOTATION: self._digest()}
        )
        return InferenceService(
            metadata=ObjectMeta(name=self.name, namespace=self.namespace),
            spec=InferenceServiceSpec(predictor=predictor),
        )

    def problems(self) -> list[Problem]:
        """Return what is wrong with the file as it is now, without running it."""
        file = str(self.file)
        try:
            tree = ast.parse(self.file.read_bytes(), filename=file)
        except SyntaxError as error:
            line, column = error.lineno or 0, error.offset or 0
            return [
                Problem(
                    path="", message=f"{error.msg}", file=file, line=line, column=column
                )
            ]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"the file cannot be read: {reason}"
            return [Problem(path="", message=message, file=file)]
        names = set(_top_level_names(tree))
        if self.class_name in names or "*" in names:
            return []
        classes = sorted(n.name for n in tree.body if isinstance(n, ast.ClassDef))
        close = get_close_matches(self.class_name, classes, n=1)
        there = ", ".join(classes) or "none"
        message = f"there is no class {self.class_name!r} (classes here: {there})"
        return [
            Problem(
                path="",
                message=message,
                file=file,
                suggestion=close[0] if close else "",
            )
        ]

    def folders(self) -> list[Path]:
        """Return the folder and the packages below it: what an edit may touch."""
        return list(_source_folders(self.folder))[:_MAX_FOLDERS]

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for folder in self.folders():
            for path in sorted(folder.iterdir()):
                if path.suffix in SUFFIXES and path.is_file():
                    digest.update(f"{path.relative_to(self.folder)}\0".encode())
                    digest.update(_fingerprint(path))
        return digest.hexdigest()[:16]


def parse(
    target: str, *, name: str = "", namespace: str = "default"
) -> QuickTarget | None:
    """Read ``file.py:Class``; None where *target* is something else, such as YAML.

    Raises:
        ValueError: No class is named, or no service name follows from it.

    """
    match = _TARGET.match(target)
    if match is None:
        if target.endswith(".py"):
            msg = f"name the class to serve, as in {target}:MyModel"
            raise ValueError(msg)
        _refuse_module(target)
        return None
    class_name = match["name"]
    if not class_name.isidentifier():
        msg = f"{class_name!r} is no class name; write {match['file']}:MyModel"
        raise ValueError(msg)
    name = name or kebab_case(class_name)
    if not _DNS_LABEL.match(name):
        msg = (
            f"{name!r} cannot be a service's name: lower-case letters, digits and '-', "
            "beginning with a letter; choose one with --name"
        )
        raise ValueError(msg)
    file = Path(match["file"]).absolute()
    return QuickTarget(file=file, class_name=class_name, name=name, namespace=namespace)


def _refuse_module(target: str) -> None:
    """Refuse ``module:Class``, which other servers take, with what to write here."""
    module, colon, name = target.partition(":")
    if colon and module.replace(".", "").isidentifier() and name.isidentifier():
        file = f"{module.replace('.', '/')}.py"
        msg = f"{target} is no file; name the file and its class, as in {file}:{name}"
        raise ValueError(msg)


def kebab_case(name: str) -> str:
    """Return a class name as a service's: ``HTTPModel`` becomes ``http-model``."""
    return "-".join(part for part in _WORDS.split(name) if part).lower()


def _top_level_names(tree: ast.Module) -> Iterator[str]:
    """Yield what the module binds, within ``if`` and ``try`` too."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name for alias in names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


def _source_folders(folder: Path) -> Iterator[Path]:
    yield folder
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return
    for child in children:
        if child.name.startswith(".") or child.name in _SKIPPED or child.is_symlink():
            continue
        if (child / "__init__.py").is_file():
            yield from _source_folders(child)


def _fingerprint(path: Path) -> bytes:
    """Return the content of code, and size and time of what may be large."""
    try:
        if path.suffix == ".py":
            return hashlib.sha256(path.read_bytes()).digest()
        facts = path.stat()
    except OSError:
        return b""
    return f"{facts.st_size} {facts.st_mtime_ns}".encode()
