from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from inferry.storage import Secret, Unauthenticated

URI = "oci://registry.example.com/team/model:v1"
AUTH = base64.b64encode(b"me:hunter2").decode()
LOGIN = {"OCI_USERNAME": "me", "OCI_PASSWORD": "hunter2"}


def config(name: str = "registry.example.com", **entry: str) -> str:
    return json.dumps({"auths": {name: entry or {"auth": AUTH}}})


def pull(text: str, key: str = ".dockerconfigjson") -> dict[str, Any]:
    secret = Secret(name="pull", data={key: text})
    return {"secrets": (secret,), "pull_secrets": ("pull",)}


def test_an_image_pull_secret_answers(ask: Any) -> None:
    found = ask("oci", URI, **pull(config()))
    assert found.rung == "service-account"
    assert found.detail == ".dockerconfigjson of secret 'pull'"
    assert found.values == LOGIN


def test_all_pull_secrets_of_the_account_are_asked(ask: Any) -> None:
    account = Secret(name="sa", kind="ServiceAccount", pulls=("first", "second"))
    first = Secret(name="first", data={".dockerconfigjson": config("other")})
    second = Secret(name="second", data={".dockerconfigjson": config()})
    found = ask("oci", URI, secrets=(account, first, second), service_account="sa")
    assert found.values == LOGIN


def test_the_older_kind_of_secret_is_read(ask: Any) -> None:
    text = json.dumps({"https://registry.example.com": {"auth": AUTH}})
    assert ask("oci", URI, **pull(text, ".dockercfg")).values == LOGIN


@pytest.mark.parametrize(
    "name",
    [
        "https://registry.example.com",
        "https://registry.example.com/v2/",
        "registry.example.com/team",
        "registry.example.com/team/model",
        "*.example.com",
    ],
)
def test_an_entry_covers_what_is_below_it(ask: Any, name: str) -> None:
    assert ask("oci", URI, **pull(config(name))).values == LOGIN


@pytest.mark.parametrize(
    "name",
    ["registry.example.com/te", "example.com", "*.com", "registry.example.com:5000"],
)
def test_an_entry_for_another_place_is_not_used(ask: Any, name: str) -> None:
    assert ask("oci", URI, **pull(config(name))).rung == "none"


def test_the_most_exact_entry_wins(ask: Any) -> None:
    auths = {
        "registry.example.com": {"username": "wide", "password": "p"},
        "registry.example.com/team": {"username": "exact", "password": "p"},
    }
    found = ask("oci", URI, **pull(json.dumps({"auths": auths})))
    assert found.values["OCI_USERNAME"] == "exact"


@pytest.mark.parametrize("uri", ["oci://team/model", "oci://model@sha256:00"])
def test_docker_hub_goes_by_its_own_name(ask: Any, uri: str) -> None:
    found = ask("oci", uri, **pull(config("https://index.docker.io/v1/")))
    assert found.values == LOGIN


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        ({"identitytoken": "t"}, {"OCI_IDENTITY_TOKEN": "t"}),
        ({"registrytoken": "t"}, {"OCI_REGISTRY_TOKEN": "t"}),
    ],
)
def test_tokens_answer(ask: Any, entry: dict[str, str], values: dict[str, str]) -> None:
    assert ask("oci", URI, **pull(config(**entry))).values == values


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"KSERVE_OCI_DOCKER_CONFIG": "{home}/a.json"}, "a.json"),
        ({"DOCKER_CONFIG": "{home}/docker"}, "docker/config.json"),
        ({"REGISTRY_AUTH_FILE": "{home}/a.json"}, "a.json"),
    ],
)
def test_the_environment_names_a_file(
    ask: Any, environ: dict[str, str], path: str
) -> None:
    ask.write(path, config())
    given = {name: value.format(home=ask.home) for name, value in environ.items()}
    found = ask("oci", URI, environ=given)
    assert (found.rung, found.values) == ("environment", LOGIN)


@pytest.mark.parametrize(
    "path", [".docker/config.json", ".config/containers/auth.json"]
)
def test_a_login_at_home_answers(ask: Any, path: str) -> None:
    ask.write(path, config())
    found = ask("oci", URI)
    assert (found.rung, found.values) == ("developer", LOGIN)


def test_a_credential_helper_is_named(ask: Any) -> None:
    text = json.dumps({"auths": {"registry.example.com": {}}, "credsStore": "desktop"})
    ask.write(".docker/config.json", text)
    assert ask("oci", URI).values == {"DOCKER_CREDENTIAL_HELPER": "desktop"}


def test_a_registry_without_tls_is_told(ask: Any) -> None:
    found = ask("oci", URI, environ={"KSERVE_OCI_INSECURE_REGISTRY": "true"})
    assert found.values == {"KSERVE_OCI_INSECURE_REGISTRY": "true"}


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        '{"auths": "hunter2"}',
        '{"auths": {"registry.example.com": "hunter2"}}',
        '{"auths": {"registry.example.com": {"auth": "hunter2"}}}',
        '{"auths": {"registry.example.com": {"auth": "aHVudGVyMg=="}}}',
    ],
)
def test_a_broken_login_is_refused_without_its_text(ask: Any, text: str) -> None:
    with pytest.raises(Unauthenticated, match="secret 'pull'") as caught:
        ask("oci", URI, **pull(text))
    assert "hunter2" not in str(caught.value)
    assert "aHVudGVyMg" not in str(caught.value)
