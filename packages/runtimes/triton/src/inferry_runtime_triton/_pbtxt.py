"""What a ``config.pbtxt`` says at its outermost level; the rest is Triton's to read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.runtime.files import readable
from inferry.status import Reason

if TYPE_CHECKING:
    from pathlib import Path

#: A configuration larger than this is none.
_LARGEST = 4 * 1024 * 1024
_TOKEN = re.compile(
    r"""
    \#[^\n]*                                # a comment
    | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'  # a text
    | [A-Za-z_][\w.]*                       # a name
    | [\[\]{}<>:;,]                         # what nests and separates
    | [^\s\[\]{}<>:;,"'\#]+                 # a number
    """,
    re.VERBOSE,
)


def outermost(file: Path) -> dict[str, str]:
    """Return the scalar fields of *file* outside of any message, texts unquoted.

    Raises:
        ModelLoadError: It is no text, or too large.

    """
    text = text_of(file)
    found: dict[str, str] = {}
    depth = 0
    key = last = ""
    for word in _TOKEN.findall(text):
        if word.startswith("#"):
            continue
        if word in "[{<":
            depth += 1
        elif word in "]}>":
            depth -= 1
        elif depth == 0 and word == ":":
            key = last
        elif depth == 0 and key:
            found.setdefault(key, word.strip("\"'"))
            key = ""
        last = word
    return found


def text_of(file: Path) -> str:
    """Return the text in *file*.

    Raises:
        ModelLoadError: It is none: empty, a pointer, a web page, or binary.

    """
    readable(file)
    if file.stat().st_size > _LARGEST:
        raise _no_text(file, f"has {file.stat().st_size} bytes")
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise _no_text(file, "is not UTF-8 text") from None
    if "\0" in text:
        raise _no_text(file, "holds zero bytes")
    return text


def _no_text(file: Path, why: str) -> ModelLoadError:
    return ModelLoadError(
        f"{file} {why}, so it is no {file.name} of Triton",
        reason=Reason.ModelCorrupt,
        remedy="save or upload the model again",
    )
