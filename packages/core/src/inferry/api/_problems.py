"""What the loader hands back: documents with their origin, and every problem."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from inferry.api._types import Document  # noqa: TC001 - msgspec reads it at run time
from inferry.errors import InvalidDocument

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


def spell(path: Path) -> str:
    """Return *path* as people write it: ``spec.predictor.containers[0].image``."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, str) and _PLAIN_KEY.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{step}]")
    return "".join(parts)


class Finding(msgspec.Struct, frozen=True):
    """A problem before its place in a file is known; rules yield these."""

    path: Path
    message: str
    suggestion: str = ""
    severity: Severity = "error"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, and where."""

    path: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    suggestion: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = ": ".join(
            part for part in (place, self.severity, self.path, self.message) if part
        )
        return f"{text}; did you mean {self.suggestion!r}?" if self.suggestion else text


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document stands: file, position among its documents, first line."""

    file: str
    index: int
    line: int


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A defaulted document and where it came from."""

    document: Document
    origin: Origin


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What files hold: the documents without an error, and all problems found."""

    documents: tuple[Located, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid to go on."""
        return tuple(each for each in self.problems if each.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that one can live with."""
        return tuple(each for each in self.problems if each.severity == "warning")

    def raise_for_problems(self) -> None:
        """Raise `InvalidDocument` with every error, if there is one."""
        errors = [str(error) for error in self.errors]
        if errors:
            files = ", ".join(dict.fromkeys(error.file for error in self.errors))
            count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
            raise InvalidDocument(f"{count} in {files}", problems=errors)
