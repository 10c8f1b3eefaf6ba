"""What a parser says about a bad document, in words for who sent it."""

from __future__ import annotations

import re

import msgspec

_WHERE = re.compile(r" - at `\$\.?(?P<path>.*)`\Z")


_SHOWN = 60


def shown(value: object) -> str:
    """Return *value* of a document for an error, which must not repeat a megabyte."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def readable(error: Exception, start: bytes) -> str:
    """Return one line for *error*; *start* is how the body begins."""
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        found = _WHERE.search(text)
        if not found:
            return _plain(text)
        path = found["path"].replace("...", "*")
        return f"{path or 'the request'}: {_plain(text[: found.start()])}"
    if not start:
        return "the body is empty, expected a JSON object"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    hint = ""
    if start.lstrip()[:1] not in {b"{", b"["}:
        hint = (
            "; binary tensor data needs the header Inference-Header-Content-Length "
            "with the length of the JSON before it"
        )
    return f"the body is not JSON: {error}{hint}"


def _plain(text: str) -> str:
    text = text.replace("`", "").replace(
        "Object missing required field", "missing field"
    )
    return text[:1].lower() + text[1:]
