"""Who asks Google Cloud Storage: keys, users and federated identities."""

from __future__ import annotations

import json
import re
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
_GOOGLE = re.compile(r"https://([a-z0-9-]+\.)+googleapis\.com/")
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
    """Return what exchanges the token of another cloud or of a cluster for Google's."""
    try:
        transport = import_module("google.auth.transport.requests")
        failures = import_module("google.auth.exceptions")
    except ImportError:
        raise Unauthenticated(
            f"credentials of the type {kind!r} need the package google-auth",
            rung=credentials.rung,
            remedy='pip install "google-auth[requests]"',
        ) from None
    _check_federated(key, kind, credentials)
    aws = "aws" in str(key.get("subject_token_type"))
    module = import_module(f"google.auth.{'aws' if aws else 'identity_pool'}")
    try:
        found = module.Credentials.from_info(key, scopes=[_SCOPE])
    except (failures.GoogleAuthError, ValueError, TypeError, KeyError):
        raise _incomplete(kind, credentials) from None
    request = transport.Request()

    def provide() -> GCSCredential:
        found.refresh(request)
        until = found.expiry or datetime.now(UTC).replace(tzinfo=None)
        return {"token": found.token, "expires_at": until.replace(tzinfo=UTC) - _MARGIN}

    return provide


def _check_federated(key: dict[str, Any], kind: str, credentials: Credentials) -> None:
    """Let the token go to Google alone, and no program be run for it."""
    urls = [key.get("token_url"), key.get("service_account_impersonation_url")]
    source = key.get("credential_source")
    if (
        kind != "external_account"
        or not isinstance(source, dict)
        or "executable" in source
        or not all(_GOOGLE.match(str(url)) for url in urls if url is not None)
    ):
        raise _incomplete(kind, credentials)


def _incomplete(kind: str, credentials: Credentials) -> Unauthenticated:
    return Unauthenticated(
        f"{FILE} of the type {kind!r} is not one that is used here",
        rung=credentials.rung,
        remedy="give the key of a service account, or make one of a file or a URL "
        "with: gcloud iam workload-identity-pools create-cred-config",
    )
