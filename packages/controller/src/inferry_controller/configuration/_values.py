"""Values as KServe's ConfigMap spells them, made those of our settings."""

from __future__ import annotations

import re

_PLACES = {"Name": "name", "Namespace": "namespace", "IngressDomain": "domain"}
_PLACE = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")
_TRUE = {"true": True, "false": False, "1": True, "0": False}


def text(value: object) -> str:
    """Return a text."""
    if isinstance(value, str):
        return value
    raise ValueError(_wanted("a text", value))


def switch(value: object) -> bool:
    """Return true or false; KServe has both as texts in some places."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE:
        return _TRUE[value.lower()]
    raise ValueError(_wanted("true or false", value))


def opposite(value: object) -> bool:
    """Return the other of true and false."""
    return not switch(value)


def whole(value: object) -> int:
    """Return a whole number, which may be a text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    raise ValueError(_wanted("a whole number", value))


def share(value: object) -> str:
    """Return a number or a percentage as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value)


def amount(value: object) -> str:
    """Return a quantity as text; a number is one, too."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return text(value)


def flag(value: object) -> str:
    """Return a switch as the text that an environment variable holds."""
    return "1" if switch(value) else "0"


def texts(value: object) -> list[str]:
    """Return a list of texts."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise ValueError(_wanted("a list of texts", value))


def template(value: object) -> str:
    """Return a template with ``{name}`` for Go's ``{{ .Name }}``."""

    def filled(match: re.Match[str]) -> str:
        if match[1] not in _PLACES:
            raise ValueError(_unknown(f".{match[1]}"))
        return f"{{{_PLACES[match[1]]}}}"

    found = _PLACE.sub(filled, text(value))
    if "{{" in found:
        place = found[found.index("{{") :]
        raise ValueError(_unknown(place.partition("}}")[0] + "}}"))
    return found


def mode(value: object) -> str:
    """Return a mode of deployment; which there are, the setting checks."""
    if value == "ModelMesh":
        msg = "ModelMesh is not supported; choose Standard or Knative"
        raise ValueError(msg)
    return text(value)


def _unknown(what: str) -> str:
    known = ", ".join(f".{name}" for name in _PLACES)
    return f"a template here knows {known}, not {what}"


def _wanted(what: str, value: object) -> str:
    shown = repr(value)
    longest = 60
    if len(shown) > longest:
        shown = f"{shown[:longest]}…"
    return f"must be {what}, got {shown}"
