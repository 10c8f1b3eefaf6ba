"""File names from outside: checked before any is used."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from inferry.errors import StorageError
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 255
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f/\\:*?\"<>|]")
_DRIVE = re.compile(r"[A-Za-z]:")


def check(paths: Iterable[str]) -> None:
    """Refuse a tree of *paths* in which one leaves the tree or hides another.

    Raises:
        StorageError: Naming the first path that is not safe.

    """
    seen: dict[str, str] = {}
    for path in paths:
        problem = _problem(path)
        folded = unicodedata.normalize("NFC", path).casefold()
        if not problem and folded in seen:
            problem = f"is the same name as {seen[folded]!r} on some file systems"
        if problem:
            raise StorageError(
                f"the file name {path[:_LONGEST]!r} {problem}",
                reason=Reason.StorageCorrupt,
                remedy="rename the file where it is stored",
            )
        seen[folded] = path


def from_url(path: str) -> str:
    """Return a file name for the decoded *path* of a URL, ``model`` if it has none."""
    last = path.rstrip("/").rpartition("/")[2]
    name = _UNSAFE.sub("_", last).strip(". ")
    while len(name.encode()) > _LONGEST:
        name = name[1:]
    return name or "model"


def _problem(path: str) -> str:
    parts = path.split("/")
    if not path or "" in parts:
        return "has an empty part"
    if "." in parts or ".." in parts:
        return "leaves its folder"
    if "\\" in path or _DRIVE.match(path):
        return "is a path of another system"
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in path):
        return "holds control characters"
    if any(len(part.encode()) > _LONGEST for part in parts):
        return f"has a part longer than {_LONGEST} bytes"
    return ""
