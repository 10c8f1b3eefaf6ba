from __future__ import annotations

from typing import Any

import pytest

from inferry.storage import Unauthenticated

URI = "s3://bucket/model"
PAIR = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hunter2"}
KEYS = "aws_access_key_id = AK\naws_secret_access_key = hunter2\n"


def test_the_default_profile_answers(ask: Any) -> None:
    ask.write(".aws/credentials", f"[default]\n{KEYS}")
    ask.write(".aws/config", "[default]\nregion = eu-west-1\n")
    found = ask("s3", URI)
    assert (found.rung, found.detail) == ("developer", "AWS profile 'default'")
    assert found.values == {**PAIR, "AWS_DEFAULT_REGION": "eu-west-1"}


def test_a_profile_by_name_answers(ask: Any) -> None:
    ask.write(".aws/credentials", f"[work]\n{KEYS}aws_session_token = t\n")
    found = ask("s3", URI, environ={"AWS_PROFILE": "work"})
    assert found.values == {**PAIR, "AWS_SESSION_TOKEN": "t"}


@pytest.mark.parametrize(
    "lines",
    [
        "sso_session = work\nsso_account_id = 1",
        "credential_process = /bin/x",
        "role_arn = arn:x\nsource_profile = base",
    ],
)
def test_a_profile_that_needs_the_sdk_is_named(ask: Any, lines: str) -> None:
    config = ask.write(".aws/config", f"[profile work]\n{lines}\n")
    found = ask("s3", URI, environ={"AWS_PROFILE": "work"})
    assert found.rung == "developer"
    assert found.values == {
        "AWS_PROFILE": "work",
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(config.with_name("credentials")),
    }


def test_other_files_may_be_named(ask: Any) -> None:
    path = ask.write("elsewhere", f"[default]\n{KEYS}")
    environ = {"AWS_SHARED_CREDENTIALS_FILE": str(path)}
    assert ask("s3", URI, environ=environ).values == PAIR


def test_a_profile_that_is_not_there_is_refused(ask: Any) -> None:
    with pytest.raises(Unauthenticated, match="the profile 'nobody'"):
        ask("s3", URI, environ={"AWS_PROFILE": "nobody"})


def test_a_file_of_something_else_is_refused_without_its_text(ask: Any) -> None:
    ask.write(".aws/credentials", "hunter2\n")
    with pytest.raises(Unauthenticated, match="no file of AWS profiles") as caught:
        ask("s3", URI)
    assert "hunter2" not in str(caught.value)


def test_half_a_profile_is_refused(ask: Any) -> None:
    ask.write(".aws/credentials", "[default]\naws_access_key_id = AK\n")
    with pytest.raises(Unauthenticated, match="no aws_secret_access_key"):
        ask("s3", URI)


def test_a_profile_of_options_alone_does_not_answer(ask: Any) -> None:
    ask.write(".aws/config", "[default]\noutput = json\n")
    assert ask("s3", URI).rung == "ambient"
