"""Who asks Google Cloud Storage: keys, users and federated identities."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from inferry.storage import Credentials, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import GCSCredential

FILE = "gcloud-application-credentials.json"
_TOKENS = "https://oauth2.googleapis.com/token"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
_SECONDS = 20.0
# A token is renewed before it ends, for a request may take a while to start.
_MARGIN = timedelta(minutes=4)


def identity(
    credentials: Credentials,
) -> tuple[str, Callable[[], GCSCredential] | None]:
    """Return the key of a service account, or what gives tokens of somebody else.

    With neither of them obstore asks the metadata server.

    Raises:
        Unauthenticated: They are of a kind that needs the package google-auth.

    """
    values = credentials.values
    if token := values.get("GOOGLE_OAUTH_ACCESS_TOKEN"):
        return "", lambda: {"token": token, "expires_at": None}
    text = values.get(FILE, "")
    if not text:
        return "", None
    try:
        key: dict[str, Any] = json.loads(text)
        kind = key["type"]
    except (ValueError, TypeError, KeyError):
        raise Unauthenticated(
            f"{FILE} is not the JSON of a key",
            rung=credentials.rung,
            remedy="download the key again, whole",
        ) from None
    if kind == "service_account":
        return text, None
    if kind == "authorized_user":
        return "", _user(key)
    return "", _federated(key, kind, credentials)


def _user(key: dict[str, Any]) -> Callable[[], GCSCredential]:
    """Return what renews the tokens of a user who has logged in with gcloud."""

    def provide() -> GCSCredential:
        import httpx

        form = {
            "grant_type": "refresh_token",
            "client_id": key.get("client_id", ""),
            "client_secret": key.get("client_secret", ""),
            "refresh_token": key.get("refresh_token", ""),
        }
        answer = httpx.post(_TOKENS, data=form, timeout=_SECONDS)
        if not answer.is_success:
            # obstore passes the text on, so it says nothing of what was sent.
            raise PermissionError(answer.status_code)
        given = answer.json()
        lasts = timedelta(seconds=float(given.get("expires_in", 0)))
        return {
            "token": given["access_token"],
            "expires_at": datetime.now(UTC) + lasts - _MARGIN,
        }

    return provide


def _federated(
    key: dict[str, Any], kind: str, credentials: Credentials
) -> Callable[[], GCSCredential]:
    try:
        auth = import_module("google.auth")
        transport = import_module("google.auth.transport.requests")
    except ImportError:
        raise Unauthenticated(
            f"credentials of the type {kind!r} need the package google-auth",
            rung=credentials.rung,
            remedy='pip install "google-auth[requests]"',
        ) from None
    failures = import_module("google.auth.exceptions")
    try:
        found, _ = auth.load_credentials_from_dict(key, scopes=[_SCOPE])
    except (failures.GoogleAuthError, ValueError):
        raise Unauthenticated(
            f"{FILE} of the type {kind!r} is not complete",
            rung=credentials.rung,
            remedy="make it again with: gcloud iam workload-identity-pools "
            "create-cred-config",
        ) from None
    request = transport.Request()

    def provide() -> GCSCredential:
        found.refresh(request)
        until = found.expiry or datetime.now(UTC).replace(tzinfo=None)
        return {"token": found.token, "expires_at": until.replace(tzinfo=UTC) - _MARGIN}

    return provide
