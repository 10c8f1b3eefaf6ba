"""What a URI says, and how it may be shown."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def scheme(uri: str) -> str:
    """Return the scheme of *uri* in lower case; a plain path is ``file``."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def shown(uri: str) -> str:
    """Return *uri* without what may be secret: user, password, query, fragment."""
    if not _SCHEME.match(uri):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return f"{scheme(uri)}://…"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
