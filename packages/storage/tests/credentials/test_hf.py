from __future__ import annotations

from typing import Any

import pytest

from inferry.storage import Secret

URI = "hf://owner/model"


def test_a_secret_answers(ask: Any) -> None:
    secret = Secret(name="hf", data={"HF_TOKEN": "hf_x\n"})
    found = ask("hf", URI, secrets=(secret,), named=("hf",))
    assert (found.rung, found.values) == ("secret", {"HF_TOKEN": "hf_x"})


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_the_environment_answers(ask: Any, name: str) -> None:
    found = ask("hf", URI, environ={name: "hf_x", "HF_ENDPOINT": "https://mirror"})
    assert found.rung == "environment"
    assert found.values == {"HF_TOKEN": "hf_x", "HF_ENDPOINT": "https://mirror"}


def test_the_endpoint_of_a_secret_is_not_used(ask: Any) -> None:
    """It would get the token of this machine."""
    secret = Secret(name="hf", data={"HF_ENDPOINT": "https://evil.example"})
    environ = {"HF_TOKEN": "mine"}
    found = ask("hf", URI, secrets=(secret,), named=("hf",), environ=environ)
    assert found.values == {"HF_TOKEN": "mine"}


@pytest.mark.parametrize(
    ("path", "environ"),
    [
        (".cache/huggingface/token", {}),
        ("other/token", {"HF_HOME": "{home}/other"}),
        ("cache/huggingface/token", {"XDG_CACHE_HOME": "{home}/cache"}),
        ("mine", {"HF_TOKEN_PATH": "{home}/mine"}),
    ],
)
def test_the_token_of_a_login_answers(
    ask: Any, path: str, environ: dict[str, str]
) -> None:
    ask.write(path, "hf_x\n")
    given = {name: value.format(home=ask.home) for name, value in environ.items()}
    found = ask("hf", URI, environ=given)
    assert (found.rung, found.values) == ("developer", {"HF_TOKEN": "hf_x"})


def test_the_token_of_a_login_can_be_kept_back(ask: Any) -> None:
    ask.write(".cache/huggingface/token", "hf_x")
    environ = {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    assert ask("hf", URI, environ=environ).rung == "none"


def test_public_repositories_need_none(ask: Any) -> None:
    assert (ask("hf", URI).rung, ask("hf", URI).values) == ("none", {})
