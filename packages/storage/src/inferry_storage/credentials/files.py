"""Files that hold credentials: read whole, within a limit, blamed by name alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from inferry.storage import Unauthenticated

if TYPE_CHECKING:
    from pathlib import Path

#: The most bytes of such a file; a Secret has at most as many.
MAX_BYTES = 2**20


def read_bytes(path: Path, *, step: str, name: str = "") -> bytes:
    """Return the bytes of *path*; *name* is the variable that points at it.

    Raises:
        Unauthenticated: It cannot be read, or is too large to be what it should be.

    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise Unauthenticated(
            f"{_said(path, name)} cannot be read: {why}",
            rung=step,
            remedy=f"mend {name or 'its permissions'}",
        ) from None
    if len(content) > MAX_BYTES:
        raise Unauthenticated(
            f"{_said(path, name)} has more than {MAX_BYTES} bytes",
            rung=step,
            remedy="write the credentials themselves there",
        )
    return content


def read_text(path: Path, *, step: str, name: str = "") -> str:
    """Return the text of *path*.

    Raises:
        Unauthenticated: It cannot be read, or is no text.

    """
    try:
        return read_bytes(path, step=step, name=name).decode()
    except UnicodeDecodeError:
        raise Unauthenticated(
            f"{_said(path, name)} is no text",
            rung=step,
            remedy="write it as UTF-8",
        ) from None


def json_object(text: str, *, what: str, step: str) -> dict[str, Any]:
    """Return the JSON object that *text* is; *what* names it in the error.

    Raises:
        Unauthenticated: It is none. Nothing of the text is told.

    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unauthenticated(
            f"invalid JSON in {what}",
            rung=step,
            remedy='write an object: {"name": "value"}',
        )
    return found


def _said(path: Path, name: str) -> str:
    return f"{name} ({path})" if name else str(path)
