"""The ladder of Google Cloud Storage.

Values: ``gcloud-application-credentials.json``, the text of a service account's key, of
a user's or of a federated identity's credentials; or ``GOOGLE_ANONYMOUS``. Beside it
``STORAGE_EMULATOR_HOST``, a whole URL, and ``CA_BUNDLE``. With none of them the
metadata server gives the identity.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import Credentials, Unauthenticated
from inferry.storage._secrets import GCLOUD_FILE
from inferry_storage.credentials.files import json_object, read_text
from inferry_storage.credentials.places import (
    UNASKED,
    Place,
    ca_bundle,
    environment,
    places,
)

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_EMULATOR = "STORAGE_EMULATOR_HOST"
#: What each type of credentials must hold.
_TYPES = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "external_account": ("audience", "token_url", "credential_source"),
    "external_account_authorized_user": ("token_url", "refresh_token"),
    "impersonated_service_account": ("source_credentials",),
    "gdch_service_account": ("private_key",),
}


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return what opens the bucket of *source*.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found, emulator = None, ""
    for place in places(source, lookup):
        emulator = emulator or place.get(_EMULATOR)
        found = found or _key(place)
    if lookup.anonymous:
        found = _anonymous("asked for")
    if found is None and emulator:
        # As Google's own libraries do.
        found = _anonymous(f"asked for by {_EMULATOR}")
    found = found or _developer(lookup)
    if found is None:
        detail = UNASKED
        found = Credentials(rung="ambient", detail=detail)
    extra = ca_bundle({}, lookup)
    if emulator:
        whole = emulator if "://" in emulator else f"http://{emulator}"
        extra[_EMULATOR] = whole.rstrip("/")
    return Credentials(
        rung=found.rung, detail=found.detail, values={**extra, **found.values}
    )


def _key(place: Place) -> Credentials | None:
    if place.step == "environment":
        path = place.get(VARIABLE)
        if not path:
            return None
        text = read_text(Path(path), step=place.step, name=VARIABLE)
        return _checked(text, f"{VARIABLE} ({path})", place.step, VARIABLE)
    if text := place.get(GCLOUD_FILE):
        return _checked(text, f"{GCLOUD_FILE} of {place.what}", place.step, place.what)
    return None


def _developer(lookup: Lookup) -> Credentials | None:
    """Return gcloud's application default credentials."""
    given = environment(lookup).get("CLOUDSDK_CONFIG")
    if not given and lookup.home is None:
        return None
    folder = Path(given) if given else Path(str(lookup.home)) / ".config" / "gcloud"
    path = folder / "application_default_credentials.json"
    if not path.is_file():
        return None
    text = read_text(path, step="developer")
    return _checked(text, str(path), "developer", str(path))


def _checked(text: str, what: str, step: str, detail: str) -> Credentials:
    found = json_object(text, what=what, step=step)
    kind = found.get("type")
    if kind not in _TYPES:
        raise Unauthenticated(
            f"{what} is of no known type",
            rung=step,
            remedy=f"its type is one of {', '.join(_TYPES)}",
        )
    for name in _TYPES[str(kind)]:
        if not found.get(name):
            raise Unauthenticated(
                f"{what} has no {name}",
                rung=step,
                remedy="download the key again, whole",
            )
    return Credentials(rung=step, detail=detail, values={GCLOUD_FILE: text})


def _anonymous(detail: str) -> Credentials:
    return Credentials(
        rung="anonymous", detail=detail, values={"GOOGLE_ANONYMOUS": "true"}
    )
