"""Name the line of the user's code that raised, in one line."""

from __future__ import annotations

import traceback
from pathlib import Path


def described(error: BaseException, folder: Path) -> str:
    """Return ``model.py:12: ValueError: text`` for the last line below *folder*."""
    said = f"{type(error).__name__}: {_first_line(error)}".rstrip(": ")
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{_short(error.filename, folder)}:{error.lineno}"
        return f"{place}: {type(error).__name__}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_below(frame.filename, folder)]
    if not own:
        return said
    return f"{_short(own[-1].filename, folder)}:{own[-1].lineno}: {said}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def _is_below(file: str, folder: Path) -> bool:
    return Path(file).resolve().is_relative_to(folder)


def _short(file: str, folder: Path) -> str:
    path = Path(file).resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
