from __future__ import annotations

from typing import Any

import pytest

from inferry.storage import Secret, Unauthenticated

URI = "https://acct.blob.core.windows.net/c/model"
CLIENT = {
    "AZURE_CLIENT_ID": "id",
    "AZURE_TENANT_ID": "tenant",
    "AZURE_CLIENT_SECRET": "hunter2",
}


def secret(**data: str) -> dict[str, Any]:
    return {"secrets": (Secret(name="az", data=data),), "named": ("az",)}


def test_a_signature_in_the_uri_comes_first(ask: Any) -> None:
    found = ask("azure", f"{URI}?sv=1&sig=abc", environ=CLIENT)
    assert found.rung == "uri"
    assert found.values["AZURE_STORAGE_SAS_TOKEN"] == "sv=1&sig=abc"


def test_a_service_principal_answers(ask: Any) -> None:
    found = ask("azure", URI, **secret(**CLIENT, AZURE_SUBSCRIPTION_ID="s"))
    assert (found.rung, found.detail) == ("secret", "secret 'az'")
    assert found.values == {**CLIENT, "AZURE_SUBSCRIPTION_ID": "s"}


def test_the_older_names_are_read(ask: Any) -> None:
    older = {name.replace("AZURE_", "AZ_"): value for name, value in CLIENT.items()}
    assert ask("azure", URI, **secret(**older)).values == CLIENT


@pytest.mark.parametrize("key", ["sv=1&sig=abc", "?sv=1&sig=abc"])
def test_the_access_key_may_be_a_signature(ask: Any, key: str) -> None:
    found = ask("azure", URI, **secret(AZURE_STORAGE_ACCESS_KEY=key))
    assert found.values == {"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=abc"}


def test_an_access_key_is_a_key(ask: Any) -> None:
    found = ask("azure", URI, environ={"AZURE_STORAGE_KEY": "a2V5", **CLIENT})
    assert (found.rung, found.detail) == ("environment", "AZURE_STORAGE_ACCESS_KEY")
    assert found.values["AZURE_STORAGE_ACCESS_KEY"] == "a2V5"


def test_an_access_token_answers(ask: Any) -> None:
    data = {"AZURE_ACCESS_TOKEN": "t", "AZURE_ACCESS_EXPIRES_ON_SECONDS": "9"}
    assert ask("azure", URI, **secret(**data)).values == data


def test_a_connection_string_is_taken_apart(ask: Any) -> None:
    text = (
        "DefaultEndpointsProtocol=http;AccountName=acct;AccountKey=a2V5==;"
        "BlobEndpoint=http://127.0.0.1:1/acct;"
    )
    found = ask("azure", URI, environ={"AZURE_STORAGE_CONNECTION_STRING": text})
    assert found.values == {
        "AZURE_STORAGE_ACCESS_KEY": "a2V5==",
        "AZURE_ACCOUNT_NAME": "acct",
        "AZURE_SERVICE_URL": "http://127.0.0.1:1/acct",
    }


@pytest.mark.parametrize("absent", ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"])
def test_half_a_principal_is_refused(ask: Any, absent: str) -> None:
    data = {name: value for name, value in CLIENT.items() if name != absent}
    with pytest.raises(Unauthenticated, match=f"and no {absent}") as caught:
        ask("azure", URI, **secret(**data))
    assert "hunter2" not in str(caught.value)


def test_a_workload_identity_answers(ask: Any) -> None:
    environ = {
        "AZURE_FEDERATED_TOKEN_FILE": str(ask.write("token", "jwt")),
        "AZURE_CLIENT_ID": "id",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_AUTHORITY_HOST": "https://login",
    }
    found = ask("azure", URI, environ=environ)
    assert (found.rung, found.values) == ("ambient", environ)


def test_a_workload_identity_without_a_tenant_is_refused(ask: Any) -> None:
    environ = {
        "AZURE_FEDERATED_TOKEN_FILE": str(ask.write("token", "jwt")),
        "AZURE_CLIENT_ID": "id",
    }
    with pytest.raises(Unauthenticated, match="no AZURE_TENANT_ID"):
        ask("azure", URI, environ=environ)


def test_a_token_of_this_machine_does_not_go_to_an_endpoint_of_a_secret(
    ask: Any,
) -> None:
    given = secret(AZURE_SERVICE_URL="https://evil.example", AZURE_CLIENT_ID="id")
    found = ask("azure", URI, **given, environ={"AZURE_ACCESS_TOKEN": "mine"})
    assert found.values["AZURE_ACCESS_TOKEN"] == "mine"
    assert "AZURE_SERVICE_URL" not in found.values


def test_an_endpoint_of_a_secret_goes_with_its_key(ask: Any) -> None:
    given = secret(AZURE_SERVICE_URL="http://az:1", AZURE_STORAGE_ACCESS_KEY="a2V5")
    assert ask("azure", URI, **given).values["AZURE_SERVICE_URL"] == "http://az:1"


def test_az_login_answers(ask: Any) -> None:
    ask.write(".azure/azureProfile.json", "{}")
    found = ask("azure", URI)
    assert (found.rung, found.detail) == ("developer", "az login")


def test_nothing_found_is_the_managed_identity(ask: Any) -> None:
    assert ask("azure", URI).detail == "metadata server (not asked)"
    assert ask("azure", URI, settings={"anonymous": True}).rung == "anonymous"
