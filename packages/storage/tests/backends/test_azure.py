from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.storage import (
    Access,
    Credentials,
    InvalidUri,
    Source,
    Unauthenticated,
)
from inferry_storage.backends.azure import Azure

if TYPE_CHECKING:
    from inferry_storage.backends.objects.storage import Opened

_HOST = "acme.blob.core.windows.net"
_KEY = "c2VjcmV0LWtleQ=="


def _opened(
    uri: str = f"https://{_HOST}/models/m", rung: str = "secret", **values: str
) -> Opened:
    access = Access(credentials=Credentials(rung=rung, values=values))
    return Azure().open(Azure().address(uri), access, Source(uri=uri))


def _config(uri: str = f"https://{_HOST}/models/m", **values: str) -> dict[str, Any]:
    store: Any = _opened(uri, **values).store
    return dict(store.config)


@pytest.mark.parametrize(
    ("uri", "account", "host", "keys"),
    [
        (f"https://{_HOST}/models/a%20b", "acme", _HOST, ("a b",)),
        (
            "https://acme.z1.blob.storage.azure.net/models/m",
            "acme",
            "acme.z1.blob.storage.azure.net",
            ("m",),
        ),
        ("abfss://models@acme.dfs.core.windows.net/m", "acme", _HOST, ("m",)),
        ("abfs://models@acme.dfs.core.windows.net/m/", "acme", _HOST, ("m",)),
        (f"wasbs://models@{_HOST}/m", "acme", _HOST, ("m",)),
        (
            "abfss://models@acme.dfs.core.usgovcloudapi.net/m",
            "acme",
            "acme.blob.core.usgovcloudapi.net",
            ("m",),
        ),
        ("az://models/a%20b", "", "", ("a%20b", "a b")),
        ("azure://models", "", "", ("",)),
        ("abfs://models/m", "", "", ("m",)),
    ],
)
def test_every_spelling_names_an_account_a_container_and_a_key(
    uri: str, account: str, host: str, keys: tuple[str, ...]
) -> None:
    address = Azure().address(uri)
    assert address.bucket == "models"
    assert (address.account, address.host, address.keys) == (account, host, keys)


@pytest.mark.parametrize(
    "uri",
    [
        f"https://{_HOST}",
        f"https://{_HOST}/",
        f"https://{_HOST}.example.com/models/m",
        f"https://{_HOST}@example.com/models/m",
        f"https://user:SECRET@{_HOST}/models/m",
        f"https://{_HOST}:444/models/m",
        "abfss://models@example.com/m",
        f"az://models@{_HOST}/m",
        "az:///m",
        "az://UPPER/m",
        "az://a--b/m",
    ],
)
def test_what_is_no_container_is_refused(uri: str) -> None:
    with pytest.raises(InvalidUri, match="names no container of Azure") as caught:
        Azure().address(uri)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "values", "endpoint", "account"),
    [
        (f"https://{_HOST}/models/m", {}, f"https://{_HOST}", "acme"),
        (
            "az://models/m",
            {"AZURE_ACCOUNT_NAME": "other"},
            "https://other.blob.core.windows.net",
            "other",
        ),
        (
            "az://models/m",
            {"AZURE_SERVICE_URL": "http://127.0.0.1:10000/devstoreaccount1/"},
            "http://127.0.0.1:10000/devstoreaccount1",
            "devstoreaccount1",
        ),
        (
            f"https://{_HOST}/models/m",
            {"AZURE_SERVICE_URL": "https://acme.blob.local.azurestack.external"},
            "https://acme.blob.local.azurestack.external",
            "acme",
        ),
        (
            "az://models/m",
            {"AZURE_SERVICE_URL": "https://acme.blob.core.windows.net"},
            f"https://{_HOST}",
            "acme",
        ),
    ],
)
def test_the_account_is_of_the_uri_the_credentials_or_the_endpoint(
    uri: str, values: dict[str, str], endpoint: str, account: str
) -> None:
    assert _opened(uri, **values).endpoint == endpoint
    assert _config(uri, **values)["account_name"] == account


def test_without_an_account_there_is_nobody_to_ask() -> None:
    with pytest.raises(InvalidUri, match="names no storage account"):
        _opened("az://models/m", AZURE_STORAGE_ACCESS_KEY=_KEY)


def test_credentials_of_another_account_are_not_sent() -> None:
    with pytest.raises(Unauthenticated, match="the credentials are of 'other'"):
        _opened(AZURE_ACCOUNT_NAME="other", AZURE_STORAGE_ACCESS_KEY=_KEY)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"AZURE_STORAGE_ACCESS_KEY": _KEY}, {"access_key": _KEY}),
        (
            {"AZURE_STORAGE_ACCESS_KEY": "?sv=1&sig=SIG"},
            {"sas_token": "sv=1&sig=SIG"},
        ),
        ({"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=SIG"}, {"sas_token": "sv=1&sig=SIG"}),
        ({"AZURE_ACCESS_TOKEN": "TOKEN"}, {"token": "TOKEN"}),
    ],
)
def test_what_does_not_change_is_given_beside_the_environment(
    values: dict[str, str], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "YW5vdGhlcg==")
    store: Any = _opened(**values).store
    assert store.credential_provider() == {**expected, "expires_at": None}


def test_a_signature_of_the_uri_comes_first() -> None:
    uri = f"https://{_HOST}/models/m?sv=1&sig=SIG"
    store: Any = _opened(uri, AZURE_STORAGE_ACCESS_KEY=_KEY).store
    assert store.credential_provider()["sas_token"] == "sv=1&sig=SIG"
    assert "SIG" not in repr(Azure().address(uri))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (
            {
                "AZURE_TENANT_ID": "t",
                "AZURE_CLIENT_ID": "c",
                "AZURE_CLIENT_SECRET": "s",
            },
            "client_secret",
        ),
        (
            {
                "AZURE_TENANT_ID": "t",
                "AZURE_CLIENT_ID": "c",
                "AZURE_FEDERATED_TOKEN_FILE": "/token",
            },
            "workload_identity",
        ),
        ({"AZURE_CLI": "true"}, "azure_cli"),
        ({}, "managed_identity"),
        ({"AZURE_CLIENT_ID": "c"}, "managed_identity"),
    ],
)
def test_an_identity_is_of_one_kind_whatever_the_environment_has(
    values: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "YW5vdGhlcg==")
    assert _config(**values)["credential_type"] == kind


@pytest.mark.parametrize(
    ("rung", "values"), [("anonymous", {}), ("secret", {"AZURE_ANONYMOUS": "true"})]
)
def test_anonymous_is_asked_for(rung: str, values: dict[str, str]) -> None:
    opened = _opened(rung=rung, **values)
    assert opened.anonymous


def test_a_container_is_nowhere_else() -> None:
    address = Azure().address("az://models/m")
    assert Azure().elsewhere(address, Access(), "eu-west-1") is None
