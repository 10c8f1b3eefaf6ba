"""Credentials, as far as no API server is needed to look at them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.kube.access import Access, InCluster, proxy_of

from inferry.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path


def kubeconfig(path: Path, user: dict[str, Any], **cluster: Any) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [
            {"name": "c", "cluster": {"server": "http://127.0.0.1:1", **cluster}}
        ],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u"}},
            {"name": "there", "context": {"cluster": "nowhere", "user": "u"}},
        ],
    }
    file = path / "kubeconfig"
    file.write_text(json.dumps(document))
    return str(file)


class Changing:
    """Gives another token each time, or fails."""

    expires = True

    def __init__(self) -> None:
        self.tokens = iter(["Bearer one", "Bearer two", "Bearer three"])
        self.error: Exception | None = None
        self.loads = 0

    async def load(self, configuration: Any, *, anew: bool) -> None:
        self.loads += 1
        if self.error is not None:
            raise self.error
        configuration.host = "http://127.0.0.1:1"
        configuration.api_key["BearerToken"] = next(self.tokens)


async def test_a_token_is_sent_as_it_is(tmp_path: Path) -> None:
    access = Access.find(kubeconfig(tmp_path, {"token": "abc"}))
    await access.open()
    assert access.url == "http://127.0.0.1:1"
    assert access.authorization == "Bearer abc"


async def test_a_password_is_sent_as_basic(tmp_path: Path) -> None:
    user = {"username": "me", "password": "secret"}
    access = Access.find(kubeconfig(tmp_path, user))
    await access.open()
    assert access.authorization == "Basic bWU6c2VjcmV0"


async def test_another_context_can_be_chosen(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {})
    with pytest.raises(BackendError, match="nowhere"):
        await Access.find(path, "there").open()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-sign-in", "No such file or directory"),
        ("false", "process returned 1"),
        ("true", "failed to decode process output"),
    ],
)
async def test_a_program_that_gives_no_credentials_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, command: str, said: str
) -> None:
    """The client would go on as nobody, who then lacks every right."""
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": command,
            "interactiveMode": "Never",
        }
    }

    with pytest.raises(BackendError, match=said) as caught:
        await Access.find(kubeconfig(tmp_path, user)).open()

    assert f"program {command!r}" in caught.value.message
    assert command in caught.value.remedy
    assert not caplog.records


async def test_credentials_are_read_again_when_their_time_is_over() -> None:
    loader = Changing()
    access = Access(loader, refresh=0.0)
    await access.open()
    assert access.authorization == "Bearer one"
    generation = access.generation
    await access.fresh()
    assert access.authorization == "Bearer two"
    assert access.generation > generation


async def test_credentials_that_are_fresh_are_not_read() -> None:
    loader = Changing()
    access = Access(loader)
    await access.open()
    for _ in range(10):
        await access.fresh()
    assert loader.loads == 1


async def test_many_who_are_refused_read_them_once() -> None:
    loader = Changing()
    access = Access(loader)
    await access.open()
    generation = access.generation
    assert await access.renewed(generation)
    assert await access.renewed(generation)
    assert loader.loads == 2


async def test_credentials_that_cannot_be_read_again_stay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loader = Changing()
    access = Access(loader, refresh=0.0)
    await access.open()
    loader.error = BackendError("the provider is away")
    await access.fresh()
    assert access.authorization == "Bearer one"
    assert not await access.renewed(access.generation)
    assert "the provider is away" in caplog.text
    assert "one" not in caplog.text


async def test_the_token_of_a_pod_has_no_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "ca.crt").write_text("")
    environ = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "1",
    }
    with pytest.raises(BackendError, match="automountServiceAccountToken"):
        await Access(InCluster(str(tmp_path), environ)).open()


def test_without_a_kubeconfig_and_a_pod_there_is_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(BackendError, match="set KUBECONFIG or give --kubeconfig"):
        Access.find()


def test_the_proxy_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "no_proxy", "NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert proxy_of("https://cluster.example") == "http://proxy.example:3128"
    assert proxy_of("http://cluster.example") is None
    monkeypatch.setenv("no_proxy", ".example")
    assert proxy_of("https://cluster.example") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users:\n- user: {token: abc: secret: [}\n", "line 2 is no YAML"),
        ("- a\n- b\n", "is not built as a kubeconfig is"),
        ("just a text\n", "is not built as a kubeconfig is"),
    ],
)
async def test_a_broken_kubeconfig_is_told_without_its_text(
    tmp_path: Path, text: str, said: str
) -> None:
    """A line of it may hold a token."""
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(BackendError, match=said) as caught:
        await Access.find(str(file)).open()
    assert "secret" not in str(caught.value)


async def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    access = Access.find(kubeconfig(tmp_path, {}), "elsewhere")
    with pytest.raises(BackendError, match="has no context 'elsewhere'") as caught:
        await access.open()
    assert "get-contexts" in caught.value.remedy


def test_a_kubeconfig_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KUBECONFIG may be misspelt."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(BackendError, match=f"no kubeconfig at {tmp_path}/none"):
        Access.find()
