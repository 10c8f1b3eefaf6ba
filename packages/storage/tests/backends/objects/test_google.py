from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import httpx
import pytest

from inferry.storage import Credentials, Unauthenticated
from inferry_storage.backends.objects.google import FILE, identity

_FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/pools/p",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "credential_source": {"file": "/token"},
}


def _identity(key: dict[str, Any] | str) -> Any:
    text = key if isinstance(key, str) else json.dumps(key)
    return identity(Credentials(rung="secret", values={FILE: text}))


def test_the_key_of_a_service_account_is_passed_on() -> None:
    key = {"type": "service_account", "client_email": "a", "private_key": "b"}
    assert _identity(key) == (json.dumps(key), None)


def test_without_a_key_the_metadata_server_is_asked() -> None:
    assert identity(Credentials(rung="ambient")) == ("", None)


def test_a_token_is_a_token() -> None:
    values = {"GOOGLE_OAUTH_ACCESS_TOKEN": "TOKEN"}
    key, provider = identity(Credentials(rung="environment", values=values))
    assert key == ""
    assert provider is not None
    assert provider() == {"token": "TOKEN", "expires_at": None}


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '"SECRET"'])
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Unauthenticated, match="is not the JSON of a key") as caught:
        _identity(text)
    assert caught.value.rung == "secret"
    assert "SECRET" not in str(caught.value)


def test_the_login_of_a_user_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []

    def post(url: str, *, data: dict[str, str], **_: Any) -> httpx.Response:
        asked.append({"url": url, **data})
        return httpx.Response(200, json={"access_token": "T", "expires_in": 3600})

    monkeypatch.setattr(httpx, "post", post)
    user = {"client_id": "i", "client_secret": "s", "refresh_token": "r"}
    _, provider = _identity({"type": "authorized_user", **user})
    given = provider()
    assert given["token"] == "T"
    assert given["expires_at"].tzinfo is not None
    assert asked == [
        {
            "url": "https://oauth2.googleapis.com/token",
            "grant_type": "refresh_token",
            **user,
        }
    ]


def test_a_login_that_ended_says_no_more_than_its_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(httpx, "post", lambda *_, **__: httpx.Response(400, text="r"))
    _, provider = _identity({"type": "authorized_user", "refresh_token": "SECRET"})
    with pytest.raises(PermissionError, match=r"^400$"):
        provider()


@pytest.fixture
def google_auth(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for google-auth, which no extra installs."""
    made: list[dict[str, Any]] = []

    class Found:
        token, expiry = "EXCHANGED", None

        @classmethod
        def from_info(cls, info: dict[str, Any], **_: Any) -> Found:
            made.append(info)
            return cls()

        def refresh(self, request: object) -> None:
            assert request == "request"

    def module(name: str, **content: Any) -> None:
        made_module = ModuleType(name)
        made_module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, made_module)

    for name in ("google", "google.auth", "google.auth.transport"):
        module(name, __path__=[])
    module("google.auth.exceptions", GoogleAuthError=RuntimeError)
    module("google.auth.transport.requests", Request=lambda: "request")
    for name in ("identity_pool", "aws"):
        module(f"google.auth.{name}", Credentials=Found)
    return made


def test_a_federated_identity_is_exchanged(google_auth: list[dict[str, Any]]) -> None:
    _, provider = _identity(_FEDERATED)
    assert provider()["token"] == "EXCHANGED"
    assert google_auth == [_FEDERATED]


@pytest.mark.parametrize(
    "changes",
    [
        {"token_url": "https://sts.googleapis.com.example.com/v1/token"},
        {"token_url": "http://169.254.169.254/"},
        {"service_account_impersonation_url": "https://example.com/"},
        {"credential_source": {"executable": {"command": "id"}}},
        {"credential_source": "text"},
        {"type": "impersonated_service_account"},
    ],
)
def test_a_federated_identity_goes_to_google_alone(
    google_auth: list[dict[str, Any]], changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated, match="is not one that is used here"):
        _identity(_FEDERATED | changes)
    assert google_auth == []


def test_a_federated_identity_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    with pytest.raises(Unauthenticated, match="need the package google-auth"):
        _identity(_FEDERATED)
