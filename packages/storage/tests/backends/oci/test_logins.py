"""Challenges, tokens, and the programs that keep passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.storage import Corrupt, Unauthenticated
from inferry_storage.backends.oci.logins import Challenge, Login, login_of, token_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://a/t",service="reg",scope="x:y:pull,push"',
            Challenge("bearer", "https://a/t", "reg"),
        ),
        ("bearer realm=https://a/t", Challenge("bearer", "https://a/t")),
        ('Basic realm="the registry"', Challenge("basic", "the registry")),
        ("Negotiate", None),
        ("Digest realm=x", None),
        ("", None),
    ],
)
def test_a_challenge_is_read(header: str, expected: Challenge | None) -> None:
    assert Challenge.of(header) == expected


def test_a_token_is_asked_for_beside_what_the_realm_has() -> None:
    url = Challenge("bearer", "https://a/t?x=1", "reg").token_url("team/model")

    assert url == "https://a/t?x=1&scope=repository%3Ateam%2Fmodel%3Apull&service=reg"


@pytest.mark.parametrize("body", [b'{"token":"x"}', b'{"access_token":"x"}'])
def test_a_token_has_two_names(body: bytes) -> None:
    assert token_in("oci://a/b", body) == "x"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token":1}', b'{"token":"\xc3\xa9"}', b"[" * 9999]
)
def test_an_answer_without_a_token_is_said(body: bytes) -> None:
    with pytest.raises(Corrupt, match="sent no token"):
        token_in("oci://a/b", body)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that installs ``docker-credential-test`` with a script."""

    def install(script: str) -> None:
        path = tmp_path / "docker-credential-test"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def test_a_helper_is_asked_for_the_registry(helper: Callable[[str], None]) -> None:
    helper('read host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"')
    values = {"DOCKER_CREDENTIAL_HELPER": "test"}

    assert login_of(values, "developer", "reg.example") == Login("reg.example", "s")
    hub = login_of(values, "developer", "docker.io")
    assert hub.user == "https://index.docker.io/v1/"


def test_a_helper_may_give_a_token(helper: Callable[[str], None]) -> None:
    helper('echo \'{"Username":"<token>","Secret":"refresh"}\'')

    found = login_of({"DOCKER_CREDENTIAL_HELPER": "test"}, "developer", "a")

    assert found == Login(identity_token="refresh")
    assert "refresh" not in repr(found)


@pytest.mark.parametrize("script", ["exit 1", "echo no", "echo '[]'", "echo '{}'"])
def test_a_helper_without_a_login_is_said(
    helper: Callable[[str], None], script: str
) -> None:
    helper(script)

    with pytest.raises(Unauthenticated, match="docker-credential-test has no login"):
        login_of({"DOCKER_CREDENTIAL_HELPER": "test"}, "developer", "reg.example")


@pytest.mark.parametrize(
    ("name", "rung"), [("../../bin/sh", "developer"), ("test", "annotation")]
)
def test_the_secret_of_a_service_runs_no_program(
    helper: Callable[[str], None], name: str, rung: str
) -> None:
    helper('echo \'{"Username":"u","Secret":"s"}\'')

    with pytest.raises(Unauthenticated, match="may not be named"):
        login_of({"DOCKER_CREDENTIAL_HELPER": name}, rung, "reg.example")
