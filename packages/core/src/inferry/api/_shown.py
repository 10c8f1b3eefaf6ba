"""Documents as they may be printed: without what may be secret."""

from __future__ import annotations

import re
from typing import Any

from inferry.storage import shown_uri

HIDDEN = "********"
_URIS = frozenset({"storageUri", "uri", "url", "marshallerUrl"})
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw|credential|api_?key|access_?key|account_?key|-headers$"
    r"|^storage_(override_)?config$"
)


def shown(spec: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return *spec* without user, password and query of URIs, nor secret variables.

    A variable is taken for secret by its name.
    """
    if isinstance(spec, list):
        return [shown(each) for each in spec]
    if not isinstance(spec, dict):
        return spec
    if isinstance(spec.get("name"), str) and isinstance(spec.get("value"), str):
        return spec | {"value": _value(spec["name"], spec["value"])}
    return {
        key: shown_uri(value)
        if key in _URIS and isinstance(value, str)
        else shown(value)
        for key, value in spec.items()
    }


def _value(name: str, value: str) -> str:
    if _SECRET_NAME.search(name) and value:
        return HIDDEN
    return shown_uri(value)
