"""Azurite answers, as Azure Blob Storage does."""

from __future__ import annotations

from datetime import timedelta

import obstore
import pytest
from obstore.store import AzureStore
from storage.asking import contents, listed, refused
from storage.servers import ACCOUNT, ACCOUNT_KEY, Store

from inferry.storage import NotFound, Unauthenticated, UnsafePath
from inferry.testing import StorageTests
from inferry_storage.backends.azure import AzureStorage

_HOST = f"{ACCOUNT}.blob.core.windows.net"
_DFS = f"{ACCOUNT}.dfs.core.windows.net"


class TestAzurite(StorageTests):
    client = AzureStorage

    @pytest.fixture
    def source(self, azurite: Store) -> str:
        type(self).credentials = azurite.values
        return f"https://{_HOST}/{azurite.filled(self.tree, 'model/')}/model"


@pytest.mark.parametrize(
    "uri",
    [
        f"https://{_HOST}/CONTAINER/my%20model",
        "az://CONTAINER/my model",
        "azure://CONTAINER/my%20model/",
        "abfs://CONTAINER/my model",
        f"abfs://CONTAINER@{_DFS}/my model",
        f"abfss://CONTAINER@{_DFS}/my model",
        f"wasb://CONTAINER@{_HOST}/my model",
        f"wasbs://CONTAINER@{_HOST}/my model/",
    ],
)
def test_every_spelling_of_a_folder(azurite: Store, uri: str) -> None:
    """AZURE_SERVICE_URL is where all of them are asked."""
    container = azurite.filled({"my model/ü.bin": b"alpha", "my model/sub/": b""})
    uri = uri.replace("CONTAINER", container)
    assert contents(AzureStorage, uri, azurite.values) == {"ü.bin": b"alpha"}


def test_a_shared_access_signature_of_the_uri_reads_its_object(azurite: Store) -> None:
    """It may not list, and need not for one object; no message shows it."""
    container = azurite.filled({"m/a.bin": b"alpha"})
    store = AzureStore(
        container,
        account_name=ACCOUNT,
        account_key=ACCOUNT_KEY,
        endpoint=azurite.url,
        client_options={"allow_http": True},
    )
    signed = obstore.sign(store, "GET", "m/a.bin", timedelta(minutes=5))
    query = signed.partition("?")[2]
    values = {"AZURE_SERVICE_URL": azurite.url}
    uri = f"https://{_HOST}/{container}/m/a.bin?{query}"
    assert contents(AzureStorage, uri, values) == {"a.bin": b"alpha"}
    uri = f"https://{_HOST}/{container}/m?{query}"
    error = refused(AzureStorage, uri, {**values, "AZURE_STORAGE_SAS_TOKEN": query})
    assert isinstance(error, Unauthenticated)
    values = {**values, "AZURE_STORAGE_ACCESS_KEY": f"?{query}"}
    uri = f"az://{container}/m/a.bin"
    assert contents(AzureStorage, uri, values) == {"a.bin": b"alpha"}


@pytest.mark.parametrize(
    "changes",
    [
        {"AZURE_STORAGE_ACCESS_KEY": ACCOUNT_KEY[:-8] + "AAAAAA=="},
        {"AZURE_STORAGE_ACCESS_KEY": "no base64 at all!"},
        {"AZURE_STORAGE_ACCESS_KEY": "", "AZURE_ACCESS_TOKEN": "a-token"},
        {"AZURE_ANONYMOUS": "true"},
        {"AZURE_ACCOUNT_NAME": "another"},
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(
    azurite: Store, changes: dict[str, str]
) -> None:
    """A wrong key is no missing container."""
    container = azurite.filled({"m/a": b"a"})
    uri = f"https://{_HOST}/{container}/m"
    error = refused(AzureStorage, uri, {**azurite.values, **changes})
    assert isinstance(error, Unauthenticated)


def test_a_missing_container_is_told_apart(azurite: Store) -> None:
    """It is the container that is not there, not the model."""
    error = refused(AzureStorage, "az://no-such-container/m", azurite.values)
    assert isinstance(error, NotFound)
    assert "has no container 'no-such-container'" in error.message


def test_an_unsafe_name_is_told(azurite: Store) -> None:
    """The object that cannot be written is named."""
    container = azurite.filled({"m/a//b": b"a"})
    error = refused(AzureStorage, f"az://{container}/m", azurite.values)
    assert isinstance(error, UnsafePath)
    assert "'m/a//b'" in error.message


def test_the_state_of_a_folder_has_one_name(azurite: Store) -> None:
    """The id of a snapshot changes with any file."""
    container = azurite.filled({"m/a": b"a"})
    uri = f"az://{container}/m"
    first = listed(AzureStorage, uri, azurite.values)
    assert first.id == listed(AzureStorage, uri, azurite.values).id
    azurite.put(container, "m/a", b"b")
    assert first.id != listed(AzureStorage, uri, azurite.values).id
