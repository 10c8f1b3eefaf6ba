"""Files to documents: read, parse, default, validate, and every problem on the way."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferry._suggest import closest
from inferry.api._convert import inline
from inferry.api._default import CLUSTER_KINDS
from inferry.api._documents import File
from inferry.api._leaves import Sink
from inferry.api._nodes import Unreadable
from inferry.api._problems import Loaded, Located, Problem
from inferry.api._read import MAX_BYTES, decode
from inferry.api._rules import across

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.api._types import Document

_SUFFIXES = (".yaml", ".yml", ".json")
#: A path has one slash where a URL has two.
_URL = re.compile(r"https?:/")


def load(paths: Iterable[str | Path]) -> Loaded:
    """Read every document of *paths*, defaulted and validated.

    A folder stands for its ``*.yaml``, ``*.yml`` and ``*.json``, ``-`` for the standard
    input. Nothing is raised for bad files: `Loaded.problems` tells all of it.
    """
    parts = [_load_path(path) for path in paths]
    return _together(parts)


def loads(text: str, *, file: str = "<string>") -> Loaded:
    """Read every document of *text*, defaulted and validated; *file* is its name."""
    return _together([_load_text(text, file)])


def to_dict(document: Document) -> dict[str, Any]:
    """Return *document* as Kubernetes spells it, pod and container fields inlined."""
    head = {"apiVersion": document.api_version, "kind": document.kind}
    plain: dict[str, Any] = head | inline(document)
    if isinstance(document, CLUSTER_KINDS):
        plain["metadata"].pop("namespace", None)
    return plain


def _together(parts: list[Loaded]) -> Loaded:
    documents = tuple(one for part in parts for one in part.documents)
    problems = [problem for part in parts for problem in part.problems]
    clashes = list(across(documents))
    problems += [problem for _, problem in clashes]
    clashing = {id(located) for located, _ in clashes}
    kept = tuple(one for one in documents if id(one) not in clashing)
    return Loaded(documents=kept, problems=tuple(problems))


def _load_path(path: str | Path) -> Loaded:
    if str(path) == "-":
        return _load_bytes(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
    path = Path(path)
    try:
        if path.is_dir():
            return _load_folder(path)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if _URL.match(str(path)):
            return _unusable(path, "is a URL; fetch it: `curl -fsSL URL | inferry … -`")
        return _unusable(path, "does not exist", closest(path.name, _siblings(path)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        return _unusable(path, f"cannot be read: {reason}")
    return _load_bytes(content, str(path))


def _load_folder(folder: Path) -> Loaded:
    paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    files = [path for path in paths if path.is_file()]
    if not files:
        return _unusable(folder, f"holds no file that ends in {', '.join(_SUFFIXES)}")
    parts = [_load_path(path) for path in files]
    return Loaded(
        documents=tuple(one for part in parts for one in part.documents),
        problems=tuple(one for part in parts for one in part.problems),
    )


def _siblings(path: Path) -> list[str]:
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return []
    return [name for name in names if name.endswith(_SUFFIXES)]


def _unusable(path: Path, message: str, suggestion: str = "") -> Loaded:
    problem = Problem(path="", message=message, file=str(path), suggestion=suggestion)
    return Loaded(problems=(problem,))


def _load_bytes(content: bytes, file: str) -> Loaded:
    try:
        text = decode(content)
    except Unreadable as error:
        problem = Problem(
            path="",
            message=error.message,
            file=file,
            line=error.line,
            column=error.column,
        )
        return Loaded(problems=(problem,))
    return _load_text(text, file)


def _load_text(text: str, file: str) -> Loaded:
    sink = Sink(file)
    documents: list[Located] = File(sink).documents(text)
    problems = sorted(sink.problems, key=lambda each: (each.line, each.column))
    return Loaded(documents=tuple(documents), problems=tuple(problems))
