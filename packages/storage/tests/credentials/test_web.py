from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from inferry.storage import Secret, Unauthenticated

URI = "https://models.example.com:8443/a.onnx"
HEADERS = {"Authorization": "Bearer hunter2"}


def web(**data: str) -> dict[str, Any]:
    return {"secrets": (Secret(name="web", data=data),), "named": ("web",)}


@pytest.mark.parametrize("host", ["models.example.com", "models.example.com:8443"])
def test_headers_of_a_secret_are_for_its_host(ask: Any, host: str) -> None:
    found = ask(
        "https", URI, **web(**{"https-host": host, "headers": json.dumps(HEADERS)})
    )
    assert found.rung == "secret"
    assert json.loads(found.values["headers"]) == HEADERS


def test_headers_for_another_host_are_not_used(ask: Any) -> None:
    data = {"https-host": "other.example.com", "headers": json.dumps(HEADERS)}
    assert ask("https", URI, **web(**data)).rung == "none"


def test_headers_of_the_environment_are_by_host(ask: Any) -> None:
    environ = {"models.example.com-headers": json.dumps(HEADERS)}
    found = ask("https", URI, environ=environ)
    assert (found.rung, found.detail) == ("environment", "models.example.com-headers")


def test_user_and_password_of_the_uri_are_headers(ask: Any) -> None:
    found = ask("https", "https://me:p%40ss@host/a")
    expected = base64.b64encode(b"me:p@ss").decode()
    assert found.rung == "uri"
    assert json.loads(found.values["headers"]) == {"Authorization": f"Basic {expected}"}


def test_netrc_answers(ask: Any) -> None:
    path = ask.write(".netrc", "machine models.example.com login me password hunter2\n")
    path.chmod(0o600)
    found = ask("https", URI)
    assert (found.rung, found.detail) == ("developer", str(path))
    assert "Basic" in found.values["headers"]


def test_a_broken_netrc_is_refused_without_its_text(ask: Any) -> None:
    ask.write(".netrc", "machine hunter2 loginn\n").chmod(0o600)
    with pytest.raises(Unauthenticated, match="no netrc file") as caught:
        ask("https", URI)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hunter2", "invalid JSON in headers"),
        ('{"a": 1}', "headers that are no headers"),
        ('{"a": "hunter2\\r\\nB: c"}', "headers that are no headers"),
        ('{"a b": "hunter2"}', "headers that are no headers"),
    ],
)
def test_broken_headers_are_refused_without_their_text(
    ask: Any, text: str, words: str
) -> None:
    data = {"https-host": "models.example.com", "headers": text}
    with pytest.raises(Unauthenticated, match=words) as caught:
        ask("https", URI, **web(**data))
    assert "hunter2" not in str(caught.value)


def test_anonymous_sends_nothing(ask: Any) -> None:
    found = ask("https", "https://me:p@host/a", settings={"anonymous": True})
    assert (found.rung, found.values) == ("anonymous", {})
