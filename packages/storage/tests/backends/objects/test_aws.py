from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from inferry.storage import Credentials, Unauthenticated
from inferry_storage.backends.objects.aws import identity

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "SECRETTEST"}


def _credentials(rung: str = "secret", **values: str) -> Credentials:
    return Credentials(rung=rung, values=values)


def test_keys_are_given_by_a_provider_beside_the_environment() -> None:
    options, provider = identity(_credentials(**_KEYS, AWS_SESSION_TOKEN="TOKEN"))
    assert options == {}
    assert provider is not None
    assert provider() == {
        "access_key_id": "AKIATEST",
        "secret_access_key": "SECRETTEST",
        "token": "TOKEN",
        "expires_at": None,
    }


@pytest.mark.parametrize("name", list(_KEYS))
def test_half_a_pair_is_refused_and_never_anonymous(name: str) -> None:
    with pytest.raises(Unauthenticated, match="has only one of") as caught:
        identity(_credentials(**{name: _KEYS[name]}))
    assert caught.value.rung == "secret"
    assert _KEYS[name] not in str(caught.value)


def test_anonymous_is_asked_for() -> None:
    for asked in (
        _credentials("anonymous", **_KEYS),
        _credentials(**_KEYS, awsAnonymousCredential="true"),
    ):
        assert identity(asked) == ({"skip_signature": True}, None)
    assert identity(_credentials("ambient")) == ({}, None)


def test_the_identity_of_a_cluster_is_passed_on() -> None:
    options, provider = identity(
        _credentials(
            "ambient",
            AWS_ROLE_ARN="arn:aws:iam::1:role/models",
            AWS_WEB_IDENTITY_TOKEN_FILE="/token",
        )
    )
    assert provider is None
    assert options == {
        "role_arn": "arn:aws:iam::1:role/models",
        "web_identity_token_file": "/token",
    }


def _profile(folder: Path, text: str) -> Credentials:
    config = folder / "config"
    config.write_text(f"[profile work]\n{text}\n")
    return _credentials(
        "developer",
        AWS_PROFILE="work",
        AWS_CONFIG_FILE=str(config),
        AWS_SHARED_CREDENTIALS_FILE=str(folder / "credentials"),
    )


def test_a_profile_with_a_program_asks_it(tmp_path: Path) -> None:
    program = tmp_path / "keys.py"
    program.write_text(
        'print(\'{"Version": 1, "AccessKeyId": "AKIAPROC", '
        '"SecretAccessKey": "SECRETPROC"}\')'
    )
    text = f"credential_process = {sys.executable} {program}"
    options, provider = identity(_profile(tmp_path, text))
    assert options == {}
    assert provider is not None
    given = provider()
    assert given["access_key_id"] == "AKIAPROC"
    assert given["secret_access_key"] == "SECRETPROC"


@pytest.mark.parametrize(
    "text",
    [
        (
            "sso_start_url = https://sso.example.com\nsso_region = us-east-1\n"
            "sso_account_id = 1\nsso_role_name = models"
        ),
        "credential_process = /no/such/program",
        "region = us-east-1",
    ],
)
def test_a_profile_without_a_login_says_how_to_log_in(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Unauthenticated, match="gives no credentials now") as caught:
        identity(_profile(tmp_path, text))
    assert "aws sso login --profile work" in caught.value.remedy


def test_a_profile_needs_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(Unauthenticated, match="needs the AWS SDK") as caught:
        identity(_profile(tmp_path, "region = us-east-1"))
    assert "inferry-storage[aws]" in caught.value.remedy
