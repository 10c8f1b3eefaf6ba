from __future__ import annotations

from typing import Any

from inferry.plugins import ImportRef, StorageBackend
from inferry.storage import Secret


def third_party(*keys: str) -> StorageBackend:
    return StorageBackend(
        name="acme",
        schemes=("acme",),
        client=ImportRef("acme:Client"),
        secret_keys=keys,
    )


def test_a_third_party_s_names_are_looked_up(ask: Any) -> None:
    backend = third_party("ACME_TOKEN", "ACME_USER")
    environ = {"ACME_TOKEN": "hunter2", "OTHER": "x"}
    found = ask("", "acme://a", backend=backend, environ=environ)
    assert (found.rung, found.detail) == ("environment", "ACME_TOKEN")
    assert found.values == {"ACME_TOKEN": "hunter2"}


def test_a_third_party_s_names_are_keys_of_a_secret(ask: Any) -> None:
    backend = third_party("ACME_TOKEN")
    secret = Secret(name="acme", data={"ACME_TOKEN": "hunter2", "more": "x"})
    found = ask("", "acme://a", backend=backend, secrets=(secret,), named=("acme",))
    assert (found.rung, found.values) == ("secret", {"ACME_TOKEN": "hunter2"})


def test_a_third_party_s_names_are_mounted_files(ask: Any) -> None:
    ask.mount("acme", ACME_TOKEN="hunter2")
    found = ask("", "acme://a", backend=third_party("ACME_TOKEN"))
    assert (found.rung, found.values) == ("mounted", {"ACME_TOKEN": "hunter2"})


def test_a_third_party_that_names_none_gets_none(ask: Any) -> None:
    assert ask("", "acme://a", backend=third_party()).rung == "none"
