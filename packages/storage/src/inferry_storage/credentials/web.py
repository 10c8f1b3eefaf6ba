"""The ladder of web servers.

Values: ``headers``, the headers to send as the text of a JSON object, and
``CA_BUNDLE``. They are for the host of the URI alone.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from inferry.storage import Credentials
from inferry_storage.credentials import netrc_file
from inferry_storage.credentials.files import json_object
from inferry_storage.credentials.places import Place, ca_bundle, places

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return the headers for the server of *source*; most need none.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found = _headers(source, lookup)
    return Credentials(
        rung=found.rung,
        detail=found.detail,
        values={**ca_bundle({}, lookup), **found.values},
    )


def basic(user: str, password: str) -> str:
    """Return the value of an ``Authorization`` header (RFC 7617)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Basic {pair}"


def _headers(source: Source, lookup: Lookup) -> Credentials:
    parts = urlsplit(source.uri)
    host = parts.netloc.rpartition("@")[2]
    name = parts.hostname or ""
    if lookup.anonymous:
        return Credentials(rung="anonymous", detail="asked for")
    if parts.username:
        header = basic(unquote(parts.username), unquote(parts.password or ""))
        return _found("uri", "user and password", {"Authorization": header})
    for place in places(source, lookup):
        if headers := _of(place, host, name):
            detail = place.what
            if place.step == "environment":
                detail = f"{name}-headers"
            return _found(place.step, detail, headers)
    if machine := netrc_file.find(name, lookup):
        header = basic(machine[0], machine[1])
        return _found("developer", machine[2], {"Authorization": header})
    return Credentials(rung="none", detail="no headers for this host")


def _of(place: Place, host: str, name: str) -> dict[str, str]:
    """Return the headers that *place* has for *host*, with or without its port."""
    key = "headers"
    if place.get("https-host") in {host, name}:
        text = place.get(key)
    else:
        key = f"{name}-headers"
        text = place.get(f"{host}-headers", key)
    if not text:
        return {}
    headers = json_object(text, what=f"{key} of {place.what}", step=place.step)
    for each, value in headers.items():
        if not isinstance(value, str) or not _is_header(each, value):
            raise place.broken(
                f"has {key} that are no headers",
                'write an object of texts: {"Authorization": "Bearer …"}',
            )
    return headers


def _is_header(name: str, value: str) -> bool:
    return bool(name.isascii() and name.replace("-", "").isalnum()) and not (
        set(value) & {"\r", "\n", "\0"}
    )


def _found(step: str, detail: str, headers: dict[str, str]) -> Credentials:
    return Credentials(
        rung=step, detail=detail, values={"headers": json.dumps(headers)}
    )
