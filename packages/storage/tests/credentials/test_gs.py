from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inferry.storage import Secret, Unauthenticated

if TYPE_CHECKING:
    from pathlib import Path

URI = "gs://bucket/model"
NAME = "gcloud-application-credentials.json"
KEY = json.dumps(
    {"type": "service_account", "client_email": "a@b", "private_key": "hunter2"}
)
USER = json.dumps(
    {
        "type": "authorized_user",
        "client_id": "a",
        "client_secret": "b",
        "refresh_token": "c",
    }
)


def test_a_secret_answers(ask: Any) -> None:
    secret = Secret(name="gcs", data={NAME: KEY})
    found = ask("gs", URI, secrets=(secret,), named=("gcs",))
    assert (found.rung, found.values) == ("secret", {NAME: KEY})


def test_the_variable_names_a_file(ask: Any) -> None:
    path = ask.write("key.json", KEY)
    found = ask("gs", URI, environ={"GOOGLE_APPLICATION_CREDENTIALS": str(path)})
    assert (found.rung, found.detail) == (
        "environment",
        "GOOGLE_APPLICATION_CREDENTIALS",
    )
    assert found.values == {NAME: KEY}


def test_a_file_that_is_not_there_is_named(ask: Any, tmp_path: Path) -> None:
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "no.json")}
    with pytest.raises(Unauthenticated, match="GOOGLE_APPLICATION_CREDENTIALS"):
        ask("gs", URI, environ=environ)


def test_a_mounted_secret_answers(ask: Any) -> None:
    ask.mount("gcs", **{NAME: KEY})
    assert ask("gs", URI).rung == "mounted"


def test_what_gcloud_has_logged_in_answers(ask: Any) -> None:
    ask.write(".config/gcloud/application_default_credentials.json", USER)
    found = ask("gs", URI)
    assert (found.rung, found.values) == ("developer", {NAME: USER})


def test_nothing_found_is_the_metadata_server(ask: Any) -> None:
    found = ask("gs", URI)
    assert (found.rung, found.detail) == ("ambient", "metadata server (not asked)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hunter2", "invalid JSON"),
        ("[1]", "invalid JSON"),
        ('{"type": "hunter2"}', "no known type"),
        ('{"type": "service_account", "client_email": "hunter2"}', "no private_key"),
        ("[" * 100_000, "invalid JSON"),
    ],
)
def test_a_broken_key_is_refused_without_its_text(
    ask: Any, text: str, words: str
) -> None:
    secret = Secret(name="gcs", data={NAME: text})
    with pytest.raises(Unauthenticated, match=words) as caught:
        ask("gs", URI, secrets=(secret,), named=("gcs",))
    assert "secret 'gcs'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_emulator_is_asked_without_credentials(ask: Any) -> None:
    found = ask("gs", URI, environ={"STORAGE_EMULATOR_HOST": "127.0.0.1:1"})
    assert found.rung == "anonymous"
    assert found.values["STORAGE_EMULATOR_HOST"] == "http://127.0.0.1:1"
