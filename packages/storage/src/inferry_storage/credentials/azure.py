"""The ladder of Azure Blob Storage and Azure Files.

Values: ``AZURE_STORAGE_ACCESS_KEY``, or ``AZURE_STORAGE_SAS_TOKEN`` (without its
question mark), or ``AZURE_ACCESS_TOKEN`` with ``AZURE_ACCESS_EXPIRES_ON_SECONDS``, or
``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID`` and ``AZURE_CLIENT_SECRET``, or the first two
with ``AZURE_FEDERATED_TOKEN_FILE``, or ``AZURE_CLI``, or ``AZURE_ANONYMOUS``. Beside
them ``AZURE_ACCOUNT_NAME``, ``AZURE_SERVICE_URL``, ``AZURE_FILE_SERVICE_URL``,
``AZURE_AUTHORITY_HOST`` and ``CA_BUNDLE``. With none of them the managed identity
answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from inferry.storage import Credentials
from inferry.storage._secrets import KEYS
from inferry_storage.credentials.files import read_bytes
from inferry_storage.credentials.places import (
    UNASKED,
    Place,
    ca_bundle,
    environment,
    places,
)

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source

_NAMES = {name: more for name, more in KEYS.items() if name.startswith("AZURE_")}
_CONNECTION = {
    "accountname": "AZURE_ACCOUNT_NAME",
    "accountkey": "AZURE_STORAGE_ACCESS_KEY",
    "sharedaccesssignature": "AZURE_STORAGE_SAS_TOKEN",
    "blobendpoint": "AZURE_SERVICE_URL",
}
_SECRETS = ("AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_ACCESS_TOKEN")
_ADDRESSES = ("AZURE_SERVICE_URL", "AZURE_FILE_SERVICE_URL", "AZURE_AUTHORITY_HOST")
_OPTIONS = (
    "AZURE_ACCOUNT_NAME",
    *_ADDRESSES,
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
)
_FEDERATED = "AZURE_FEDERATED_TOKEN_FILE"


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return what opens the container of *source*.

    An endpoint of a Secret goes with credentials of a Secret alone: a token of this
    machine would be sent to it as it is.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found = _in_uri(source.uri)
    secrets: dict[str, str] = {}
    others: dict[str, str] = {}
    for place in places(source, lookup):
        values = _values(place)
        answer = _answer(place, values)
        if answer is not None and found is not None:
            continue
        found = found or answer
        options = others if place.step in {"environment", "mounted"} else secrets
        for name in _OPTIONS:
            if values.get(name):
                options.setdefault(name, values[name])
    if lookup.anonymous:
        found = Credentials(
            rung="anonymous", detail="asked for", values={"AZURE_ANONYMOUS": "true"}
        )
    found = found or _ambient(lookup, {**others, **secrets}) or _developer(lookup)
    if found is None:
        found = Credentials(rung="ambient", detail=UNASKED)
    if found.rung in {"environment", "mounted", "ambient", "developer"}:
        secrets = {k: v for k, v in secrets.items() if k not in _ADDRESSES}
    extra = {**others, **secrets, **ca_bundle({}, lookup)}
    return Credentials(
        rung=found.rung, detail=found.detail, values={**extra, **found.values}
    )


def _in_uri(uri: str) -> Credentials | None:
    query = urlsplit(uri).query
    if "sig" not in parse_qs(query):
        return None
    return Credentials(
        rung="uri",
        detail="shared access signature",
        values={"AZURE_STORAGE_SAS_TOKEN": query},
    )


def _values(place: Place) -> dict[str, str]:
    found = {name: place.get(name, *more) for name, more in _NAMES.items()}
    for part in place.get("AZURE_STORAGE_CONNECTION_STRING").split(";"):
        key, _, value = part.strip().partition("=")
        if name := _CONNECTION.get(key.lower()):
            found[name] = found[name] or value
    # KServe's access key is a key or a shared access signature.
    key = found["AZURE_STORAGE_ACCESS_KEY"]
    if "sig=" in key:
        found["AZURE_STORAGE_SAS_TOKEN"] = found["AZURE_STORAGE_SAS_TOKEN"] or key
        found["AZURE_STORAGE_ACCESS_KEY"] = ""
    sas = found["AZURE_STORAGE_SAS_TOKEN"]
    found["AZURE_STORAGE_SAS_TOKEN"] = sas.lstrip("?")
    return {name: value for name, value in found.items() if value}


def _answer(place: Place, values: dict[str, str]) -> Credentials | None:
    for name in _SECRETS:
        if name in values:
            both = (name, "AZURE_ACCESS_EXPIRES_ON_SECONDS")
            taken = {each: values[each] for each in both if each in values}
            return _found(place, name, taken)
    if "AZURE_CLIENT_SECRET" not in values:
        return None
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        if name not in values:
            raise place.broken(
                f"has AZURE_CLIENT_SECRET and no {name}", f"set {name} beside it"
            )
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    return _found(place, "AZURE_CLIENT_SECRET", {name: values[name] for name in names})


def _found(place: Place, name: str, values: dict[str, str]) -> Credentials:
    detail = name if place.step == "environment" else place.what
    return Credentials(rung=place.step, detail=detail, values=values)


def _ambient(lookup: Lookup, options: dict[str, str]) -> Credentials | None:
    """Return the identity that a cluster's webhook puts into the pod."""
    place = environment(lookup)
    token = place.get(_FEDERATED)
    if not token:
        return None
    values = {_FEDERATED: token}
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        if not options.get(name):
            raise place.broken(
                f"has {_FEDERATED} and no {name}", f"set {name} beside it"
            )
        values[name] = options[name]
    read_bytes(Path(token), step="ambient", name=_FEDERATED)
    return Credentials(rung="ambient", detail=_FEDERATED, values=values)


def _developer(lookup: Lookup) -> Credentials | None:
    """Return who has done ``az login`` here."""
    given = environment(lookup).get("AZURE_CONFIG_DIR")
    if not given and lookup.home is None:
        return None
    folder = Path(given) if given else Path(str(lookup.home)) / ".azure"
    if not (folder / "azureProfile.json").is_file():
        return None
    return Credentials(
        rung="developer", detail="az login", values={"AZURE_CLI": "true"}
    )
