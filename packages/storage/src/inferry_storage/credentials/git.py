"""The ladder of git servers.

Values: ``GIT_USERNAME`` and ``GIT_PASSWORD`` (a token is a password), and
``CA_BUNDLE``. The user name may stand in the URI, the password anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from inferry.storage import Credentials
from inferry_storage.credentials import netrc_file
from inferry_storage.credentials.files import read_text
from inferry_storage.credentials.places import ca_bundle, environment, places

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source

# Forges take any user name beside a token.
_ANY = "git"


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return user and password for the server of *source*; public ones need none.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found = _user(source, lookup)
    return Credentials(
        rung=found.rung,
        detail=found.detail,
        values={**ca_bundle({}, lookup), **found.values},
    )


def _user(source: Source, lookup: Lookup) -> Credentials:
    parts = urlsplit(source.uri)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if lookup.anonymous:
        return Credentials(rung="anonymous", detail="asked for")
    if password:
        return _found("uri", "user and password", user, password)
    for place in places(source, lookup):
        names = ("GIT_PASSWORD", "password", "GIT_TOKEN")
        # "password" of the environment, or of any file, is somebody else's.
        if place.step in {"environment", "mounted"}:
            names = ("GIT_PASSWORD", "GIT_PASSWORD", "GIT_TOKEN")
        if given := place.get(*names):
            detail = "GIT_PASSWORD" if place.step == "environment" else place.what
            named = user or place.get("GIT_USERNAME") or place.get("username") or _ANY
            return _found(place.step, detail, named, given)
    host = parts.hostname or ""
    stored = _stored(host, user, lookup)
    machine = stored or netrc_file.find(host, lookup)
    if machine:
        return _found("developer", machine[2], user or machine[0], machine[1])
    return Credentials(rung="none", detail="public repositories need no password")


def _stored(host: str, user: str, lookup: Lookup) -> tuple[str, str, str] | None:
    """Return what git's own credential store has for *host*."""
    if lookup.home is None:
        return None
    config = environment(lookup).get("XDG_CONFIG_HOME") or lookup.home / ".config"
    for path in (lookup.home / ".git-credentials", Path(config) / "git/credentials"):
        if not path.is_file():
            continue
        for line in read_text(path, step="developer").splitlines():
            parts = urlsplit(line.strip())
            name = unquote(parts.username or "")
            if parts.hostname == host and parts.password and user in {"", name}:
                return name or _ANY, unquote(parts.password), str(path)
    return None


def _found(step: str, detail: str, user: str, password: str) -> Credentials:
    values = {"GIT_USERNAME": user or _ANY, "GIT_PASSWORD": password}
    return Credentials(rung=step, detail=detail, values=values)
