"""KServe's URIs of Azure Files, and the short ones."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri, NotAllowed
from inferry_storage.backends.azfile.address import Address, parse

HOST = "https://account1.file.core.windows.net"


@pytest.mark.parametrize(
    ("uri", "values", "expected"),
    [
        (
            f"{HOST}/models/a/b",
            {},
            Address(account="account1", url=HOST, share="models", path="a/b"),
        ),
        (f"{HOST}/models/", {}, Address(account="account1", url=HOST, share="models")),
        (
            f"{HOST}/models/a%20b?sv=1&sig=x",
            {},
            Address(account="account1", url=HOST, share="models", path="a b"),
        ),
        (
            "https://account1.z1.file.storage.azure.net/models/a",
            {},
            Address(
                account="account1",
                url="https://account1.z1.file.storage.azure.net",
                share="models",
                path="a",
            ),
        ),
        (
            "azfile://models/a",
            {"AZURE_ACCOUNT_NAME": "account1"},
            Address(account="account1", url=HOST, share="models", path="a"),
        ),
        (
            "azfile://models",
            {"AZURE_ACCOUNT_NAME": "account1", "AZURE_FILE_SERVICE_URL": "http://h:1/"},
            Address(account="account1", url="http://h:1", share="models"),
        ),
    ],
)
def test_an_address_names_account_share_and_path(
    uri: str, values: dict[str, str], expected: Address
) -> None:
    assert parse(uri, values) == expected


@pytest.mark.parametrize(
    ("uri", "values", "kind"),
    [
        ("azfile://models/a", {}, InvalidUri),
        (HOST, {}, InvalidUri),
        (f"{HOST}/Not_A_Share/a", {}, InvalidUri),
        (f"{HOST}/models/../x", {}, InvalidUri),
        (f"{HOST}/models/%2e%2e/x", {}, InvalidUri),
        (f"{HOST}/models/a?comp=list", {}, InvalidUri),
        (f"{HOST}/models/a#b", {}, InvalidUri),
        ("https://me:canary@account1.file.core.windows.net/models/a", {}, InvalidUri),
        ("https://[x/models", {}, InvalidUri),
        ("azfile://account1.attacker.example/models/a", {}, InvalidUri),
        ("azfile://account1.file.core.windows.net.evil.example/m/a", {}, InvalidUri),
        ("azfile://account1.file.core.windows.net:444/models/a", {}, InvalidUri),
        (f"{HOST}/models/a", {"AZURE_ACCOUNT_NAME": "another"}, NotAllowed),
    ],
)
def test_what_is_no_address_is_refused(
    uri: str, values: dict[str, str], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        parse(uri, values)

    assert "canary" not in str(caught.value)
