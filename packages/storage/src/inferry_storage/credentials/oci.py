"""The ladder of image registries.

Values: ``OCI_USERNAME`` and ``OCI_PASSWORD``, or ``OCI_IDENTITY_TOKEN`` (a refresh
token), or ``OCI_REGISTRY_TOKEN`` (a bearer token), or ``DOCKER_CREDENTIAL_HELPER``, the
name of the program ``docker-credential-<name>`` that has them. Beside them
``KSERVE_OCI_INSECURE_REGISTRY`` as true, and ``CA_BUNDLE``.
"""

from __future__ import annotations

import base64
import binascii
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferry.storage import Credentials, Unauthenticated
from inferry_storage.credentials.files import json_object, read_text
from inferry_storage.credentials.places import (
    Place,
    ca_bundle,
    environment,
    is_true,
    places,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.storage import Lookup, Source

_HUB = "docker.io"
_HUB_NAMES = frozenset({_HUB, "index.docker.io", "registry-1.docker.io"})
_INSECURE = "KSERVE_OCI_INSECURE_REGISTRY"


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return what the registry of *source* wants; public images need nothing.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found = _login(source, lookup)
    env = environment(lookup)
    extra = ca_bundle({}, lookup)
    if is_true(env.get(_INSECURE)):
        extra[_INSECURE] = "true"
    return Credentials(
        rung=found.rung, detail=found.detail, values={**extra, **found.values}
    )


def _login(source: Source, lookup: Lookup) -> Credentials:
    if lookup.anonymous:
        return Credentials(rung="anonymous", detail="asked for")
    image = _image(source.uri)
    for step, what, text in _configs(source, lookup):
        config = json_object(text, what=what, step=step)
        if values := _entry(config, image, what, step):
            return Credentials(rung=step, detail=what, values=values)
    return Credentials(rung="none", detail="public images need no login")


def _configs(source: Source, lookup: Lookup) -> Iterator[tuple[str, str, str]]:
    """Yield the Docker configurations: step, where it is, its text."""
    for place in places(source, lookup):
        if place.step == "environment":
            yield from _from_environment(place)
            continue
        if text := place.get(".dockerconfigjson"):
            yield place.step, f".dockerconfigjson of {place.what}", text
        if text := place.get(".dockercfg"):
            yield place.step, f".dockercfg of {place.what}", f'{{"auths": {text}}}'
    yield from _at_home(lookup)


def _from_environment(place: Place) -> Iterator[tuple[str, str, str]]:
    for name in ("KSERVE_OCI_DOCKER_CONFIG", "REGISTRY_AUTH_FILE"):
        if given := place.get(name):
            text = read_text(Path(given), step=place.step, name=name)
            yield place.step, f"{name} ({given})", text
    if given := place.get("DOCKER_CONFIG"):
        path = Path(given) / "config.json"
        if path.is_file():
            yield place.step, f"DOCKER_CONFIG ({path})", read_text(path, step="")


def _at_home(lookup: Lookup) -> Iterator[tuple[str, str, str]]:
    paths = []
    if runtime := environment(lookup).get("XDG_RUNTIME_DIR"):
        paths.append(Path(runtime) / "containers" / "auth.json")
    if lookup.home is not None:
        paths.append(lookup.home / ".config" / "containers" / "auth.json")
        paths.append(lookup.home / ".docker" / "config.json")
    for path in paths:
        if path.is_file():
            yield "developer", str(path), read_text(path, step="developer")


def _entry(
    config: dict[str, Any], image: str, what: str, step: str
) -> dict[str, str] | None:
    """Return the login of *config* for *image*: the most exact of its entries."""
    auths = config.get("auths") or {}
    helpers = config.get("credHelpers") or {}
    if not isinstance(auths, dict) or not isinstance(helpers, dict):
        raise _broken(what, step)
    host = image.partition("/")[0]
    for name, helper in helpers.items():
        if _bare(name) == host:
            return {"DOCKER_CREDENTIAL_HELPER": str(helper)}
    for name in sorted(auths, key=lambda each: -len(_bare(each))):
        if _covers(_bare(name), image) and (
            values := _values(auths[name], f"{name} of {what}", step)
        ):
            return values
    store = config.get("credsStore")
    if store and any(_covers(_bare(name), image) for name in auths):
        return {"DOCKER_CREDENTIAL_HELPER": str(store)}
    return None


def _values(entry: Any, what: str, step: str) -> dict[str, str] | None:  # noqa: ANN401 - as JSON has it
    if not isinstance(entry, dict):
        raise _broken(what, step)
    if token := entry.get("identitytoken"):
        return {"OCI_IDENTITY_TOKEN": str(token)}
    if token := entry.get("registrytoken"):
        return {"OCI_REGISTRY_TOKEN": str(token)}
    user, password = entry.get("username"), entry.get("password")
    if entry.get("auth"):
        try:
            pair = base64.b64decode(str(entry["auth"]), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _broken(what, step) from None
        user, colon, password = pair.partition(":")
        if not colon:
            raise _broken(what, step)
    if not user and not password:
        # What a credential helper leaves behind.
        return None
    return {"OCI_USERNAME": str(user or ""), "OCI_PASSWORD": str(password or "")}


def _broken(what: str, step: str) -> Unauthenticated:
    return Unauthenticated(
        f"{what} is no login",
        rung=step,
        remedy="make the secret with: kubectl create secret docker-registry",
    )


def _image(uri: str) -> str:
    """Return registry and repository of *uri*, without tag and digest."""
    rest = uri.partition("://")[2].partition("@")[0]
    first, slash, more = rest.partition("/")
    if not slash or not ({".", ":"} & set(first) or first == "localhost"):
        first, more = _HUB, rest if slash else f"library/{rest}"
    return f"{_bare(first)}/{more.partition(':')[0]}"


def _bare(name: str) -> str:
    """Return the registry, and path, that an entry's name stands for."""
    rest = name.partition("://")[2] or name
    host, _, path = rest.partition("/")
    if host in _HUB_NAMES:
        return _HUB
    path = path.removeprefix("v1").removeprefix("v2").strip("/")
    return f"{host}/{path}".rstrip("/")


def _covers(entry: str, image: str) -> bool:
    """Say whether *entry* is *image* or above it; ``*`` stands for a part of a host."""
    host, _, path = entry.partition("/")
    of, _, repository = image.partition("/")
    labels, names = host.split("."), of.split(".")
    same = len(labels) == len(names) and all(
        fnmatchcase(name, label) for name, label in zip(names, labels, strict=True)
    )
    return same and (not path or f"{repository}/".startswith(f"{path}/"))
