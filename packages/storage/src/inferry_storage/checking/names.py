"""File names from outside: checked before any is used."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from inferry.storage import UnsafePath, shown_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The longest name that file systems have, in bytes.
_LONGEST_PART = 255
#: PATH_MAX is 4096; what remains is for the folder of the cache.
_LONGEST_PATH = 3072
_DEEPEST = 100
_SHOWN = 80
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f/\\:*?\"<>|]")
_DRIVE = re.compile(r"[A-Za-z]:")
# Names of one file system may hold them, and would show as another name.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e")
_ISOLATES = frozenset("\u2066\u2067\u2068\u2069\u2028\u2029\ufeff")
#: Control characters, halves of characters, and what turns the reading direction.
_HIDDEN = "holds control characters"
#: The engine keeps its own files under names that begin so, beside those of a model.
RESERVED = (".inferry", ".journal")


def check(paths: Iterable[str], *, uri: str = "") -> None:
    """Refuse a tree of *paths* in which one leaves the tree or hides another.

    Raises:
        UnsafePath: Naming the first path that is not safe.

    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        problem = unsafe(path)
        folded = "" if problem else fold(path)
        if not problem:
            problem = _hides(path, folded, files, folders)
        if problem:
            raise refused(path, problem, uri=uri)
        files[folded] = path
        _note_folders(path, folded, folders)


def refused(path: str, problem: str, *, uri: str = "") -> UnsafePath:
    """Return the error for *path*, which may be long and hold anything."""
    shown = ascii(path) if _has_hidden(path) else repr(path)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}…"
    place = f"{shown_uri(uri)}: " if uri else ""
    return UnsafePath(
        f"{place}the file name {shown} {problem}",
        remedy="rename the file where it is stored",
    )


def from_url(path: str) -> str:
    """Return a file name for the decoded *path* of a URL, ``model`` if it has none."""
    last = path.rstrip("/").rpartition("/")[2]
    name = _UNSAFE.sub("_", last).strip(". ")
    name = "".join("_" if _is_hidden(letter) else letter for letter in name)
    while len(name.encode()) > _LONGEST_PART:
        name = name[1:]
    if is_reserved(name):
        name = f"_{name}"
    return name or "model"


def unsafe(path: str) -> str:
    """Say what is wrong with *path* by itself, or nothing."""
    parts = path.split("/")
    if "" in parts:
        return "is absolute" if path.startswith("/") else "has an empty part"
    if not {".", ".."}.isdisjoint(parts):
        return "leaves its folder"
    if "\\" in path or _DRIVE.match(path):
        return "is a path of another system"
    if _has_hidden(path):
        return _HIDDEN
    reserved = "is kept for the engine" if is_reserved(parts[0]) else ""
    return reserved or _too_long(path, parts)


def is_reserved(name: str) -> bool:
    """Say whether *name*, at the top of a tree, is the engine's own."""
    return name.casefold().startswith(RESERVED)


def fold(path: str) -> str:
    """Return what *path* is on a file system that ignores case and composition."""
    if path.isascii():
        return path.lower()
    once = unicodedata.normalize("NFC", path).casefold()
    return unicodedata.normalize("NFC", once)


def _hides(
    path: str, folded: str, files: dict[str, str], folders: dict[str, str]
) -> str:
    if folded in files:
        if files[folded] == path:
            return "is there twice"
        return f"is the same name as {files[folded]!r} on some file systems"
    if folded in folders:
        return "is both a file and a folder"
    above = folded.rpartition("/")[0]
    while above and above not in folders:
        if above in files:
            return f"is in {files[above]!r}, which is a file"
        above = above.rpartition("/")[0]
    return ""


def _note_folders(path: str, folded: str, folders: dict[str, str]) -> None:
    above = folded.rpartition("/")[0]
    while above and above not in folders:
        folders[above] = path
        above = above.rpartition("/")[0]


def _too_long(path: str, parts: list[str]) -> str:
    if len(path) * 4 > _LONGEST_PART:
        if any(len(part.encode()) > _LONGEST_PART for part in parts):
            return f"has a part longer than {_LONGEST_PART} bytes"
        if len(path.encode()) > _LONGEST_PATH:
            return f"is longer than {_LONGEST_PATH} bytes"
    if len(parts) > _DEEPEST:
        return f"is deeper than {_DEEPEST} folders"
    return ""


def _has_hidden(path: str) -> bool:
    if path.isascii():
        return not path.isprintable()
    return any(map(_is_hidden, path))


def _is_hidden(letter: str) -> bool:
    return (
        unicodedata.category(letter) in {"Cc", "Cs"}
        or letter in _DIRECTIONS
        or letter in _ISOLATES
    )
