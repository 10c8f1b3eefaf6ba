"""The ladder of S3 and of stores that speak like it.

Values: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``; or
``AWS_ROLE_ARN`` with ``AWS_WEB_IDENTITY_TOKEN_FILE``; or
``AWS_CONTAINER_CREDENTIALS_*``; or ``AWS_PROFILE`` for a profile that needs the SDK;
or ``awsAnonymousCredential``. Beside them the options: ``AWS_ENDPOINT_URL`` and
``S3_ENDPOINT``, both the whole URL with its scheme, ``AWS_DEFAULT_REGION``,
``S3_VERIFY_SSL``, ``S3_USER_VIRTUAL_BUCKET``, ``S3_USE_ACCELERATE`` as true or false,
``CA_BUNDLE``, and the limits ``S3_MAX_FILE_CONCURRENCY``, ``S3_CONNECT_TIMEOUT``,
``S3_READ_TIMEOUT``, ``S3_MAX_ATTEMPTS``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inferry.storage import Credentials
from inferry.storage._secrets import (
    KEYS,
    ROLE_ANNOTATION,
    S3_ANNOTATIONS,
    whole_endpoint,
)
from inferry_storage.credentials import aws_profile
from inferry_storage.credentials.files import read_bytes
from inferry_storage.credentials.places import (
    UNASKED,
    Place,
    ca_bundle,
    environment,
    is_true,
    places,
)

if TYPE_CHECKING:
    from inferry.storage import Lookup, Source

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_FLAGS = (
    "S3_USE_HTTPS",
    "S3_VERIFY_SSL",
    "S3_USER_VIRTUAL_BUCKET",
    "S3_USE_ACCELERATE",
)
_PLAIN = (
    "AWS_CA_BUNDLE",
    "S3_MAX_FILE_CONCURRENCY",
    "S3_CONNECT_TIMEOUT",
    "S3_READ_TIMEOUT",
    "S3_MAX_ATTEMPTS",
)
_ANONYMOUS = "awsAnonymousCredential"
_CONTAINER = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)


def find(source: Source, lookup: Lookup) -> Credentials:
    """Return what opens the bucket of *source*, with its endpoint and options.

    Raises:
        Unauthenticated: What was found is broken; the message names it.

    """
    found: Credentials | None = None
    options: dict[str, str] = {}
    for place in places(source, lookup):
        answer = _keys(place)
        if answer is not None and found is not None:
            # Its endpoint belongs to keys that are not used.
            continue
        for name, value in _options(place).items():
            options.setdefault(name, value)
        found = found or answer
    if lookup.anonymous:
        found = Credentials(
            rung="anonymous", detail="asked for", values={_ANONYMOUS: "true"}
        )
    found = found or _ambient(lookup) or aws_profile.find(lookup) or _last()
    extra = {**_settled(options), **ca_bundle(options, lookup)}
    return Credentials(
        rung=found.rung, detail=found.detail, values={**extra, **found.values}
    )


def _keys(place: Place) -> Credentials | None:
    """Return what *place* says of who asks, None where it says nothing."""
    anonymous = _annotated(place).get(_ANONYMOUS) or place.get(_ANONYMOUS)
    if is_true(anonymous):
        return Credentials(
            rung="anonymous",
            detail=f"asked for by {place.what}",
            values={_ANONYMOUS: "true"},
        )
    pair = place.pair(
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        *KEYS["AWS_ACCESS_KEY_ID"],
        *KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    if pair is None:
        return None
    values = {"AWS_ACCESS_KEY_ID": pair[0], "AWS_SECRET_ACCESS_KEY": pair[1]}
    values |= place.taken("AWS_SESSION_TOKEN")
    detail = "AWS_ACCESS_KEY_ID" if place.step == "environment" else place.what
    return Credentials(rung=place.step, detail=detail, values=values)


def _options(place: Place) -> dict[str, str]:
    """Return how to reach the store, as *place* says it: annotations before keys."""
    options = {
        "S3_ENDPOINT": place.get(*_ENDPOINTS),
        "AWS_DEFAULT_REGION": place.get(*_REGIONS),
        **{name: place.get(name) for name in (*_FLAGS, *_PLAIN)},
        **_annotated(place),
    }
    return {name: value for name, value in options.items() if value}


def _annotated(place: Place) -> dict[str, str]:
    return {
        name: place.annotations[key].strip()
        for key, name in S3_ANNOTATIONS.items()
        if place.annotations.get(key, "").strip()
    }


def _settled(options: dict[str, str]) -> dict[str, str]:
    """Return *options* with a whole endpoint, and flags as true or false."""
    settled = {k: v for k, v in options.items() if k not in (_ANONYMOUS, *_FLAGS)}
    for name in _FLAGS[1:]:
        if name in options:
            settled[name] = "true" if is_true(options[name]) else "false"
    if endpoint := options.get("S3_ENDPOINT"):
        whole = whole_endpoint(endpoint, options.get("S3_USE_HTTPS", ""))
        settled["S3_ENDPOINT"] = settled["AWS_ENDPOINT_URL"] = whole
    return settled


def _ambient(lookup: Lookup) -> Credentials | None:
    """Return the identity that a cluster gives the pod by its environment."""
    place = environment(lookup)
    roles = [each.annotations.get(ROLE_ANNOTATION, "") for each in lookup.secrets]
    token = place.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if token:
        role = place.get("AWS_ROLE_ARN") or next((each for each in roles if each), "")
        if not role:
            raise place.broken(
                "has AWS_WEB_IDENTITY_TOKEN_FILE and no AWS_ROLE_ARN",
                f"annotate the service account with {ROLE_ANNOTATION}",
            )
        name = "AWS_WEB_IDENTITY_TOKEN_FILE"
        read_bytes(Path(token), step="ambient", name=name)
        values = {name: token, "AWS_ROLE_ARN": role}
        values |= place.taken("AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS")
        return Credentials(rung="ambient", detail=name, values=values)
    values = place.taken(*_CONTAINER)
    if values.keys() & set(_CONTAINER[:2]):
        return Credentials(rung="ambient", detail=min(values), values=values)
    return None


def _last() -> Credentials:
    return Credentials(rung="ambient", detail=UNASKED)
