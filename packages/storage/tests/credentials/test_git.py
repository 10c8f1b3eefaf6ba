from __future__ import annotations

from typing import Any

import pytest

from inferry.storage import Secret

URI = "https://forge.example.com/owner/model.git"


@pytest.mark.parametrize(
    ("data", "user"),
    [
        ({"GIT_USERNAME": "me", "GIT_PASSWORD": "hunter2"}, "me"),
        ({"username": "me", "password": "hunter2"}, "me"),
        ({"GIT_PASSWORD": "hunter2"}, "git"),
    ],
)
def test_a_secret_answers(ask: Any, data: dict[str, str], user: str) -> None:
    secret = Secret(name="git", data=data)
    found = ask("git", URI, secrets=(secret,), named=("git",))
    assert found.rung == "secret"
    assert found.values == {"GIT_USERNAME": user, "GIT_PASSWORD": "hunter2"}


def test_the_user_may_stand_in_the_uri(ask: Any) -> None:
    environ = {"GIT_USERNAME": "other", "GIT_PASSWORD": "hunter2"}
    found = ask("git", "https://me@forge.example.com/m.git", environ=environ)
    assert found.values == {"GIT_USERNAME": "me", "GIT_PASSWORD": "hunter2"}


def test_a_password_of_something_else_is_not_sent(ask: Any) -> None:
    assert ask("git", URI, environ={"password": "hunter2"}).rung == "none"


def test_the_store_of_git_answers(ask: Any) -> None:
    ask.write(".git-credentials", "https://me:p%40ss@forge.example.com\n")
    found = ask("git", URI)
    assert found.rung == "developer"
    assert found.values == {"GIT_USERNAME": "me", "GIT_PASSWORD": "p@ss"}


def test_the_store_of_git_is_for_its_host(ask: Any) -> None:
    ask.write(".git-credentials", "https://me:p@other.example.com\n")
    assert ask("git", URI).rung == "none"


def test_netrc_answers(ask: Any) -> None:
    text = "machine forge.example.com login me password hunter2\n"
    ask.write(".netrc", text).chmod(0o600)
    assert ask("git", URI).values["GIT_PASSWORD"] == "hunter2"
