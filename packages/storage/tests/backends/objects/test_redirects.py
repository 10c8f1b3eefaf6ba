"""A store that redirects leads nowhere, and its tokens stay with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes.site import Answer, Site

from inferry.storage import Access, BlockedAddress, Credentials, InvalidUri, Source
from inferry_storage.backends.azure import AzureStorage
from inferry_storage.backends.gs import GsStorage
from inferry_storage.backends.objects.connection import NOWHERE, client_options
from inferry_storage.backends.s3 import S3Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    yield server
    server.stop()


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    server = Site()
    yield server
    server.stop()


def _store(kind: str, url: str) -> Any:
    """Return a client for the store at *url*, with all that is secret in headers."""
    s3 = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIATEST0000",
        "AWS_SECRET_ACCESS_KEY": "SECRET",
        "AWS_SESSION_TOKEN": "TOKEN",
    }
    gs = {"STORAGE_EMULATOR_HOST": url, "GOOGLE_OAUTH_ACCESS_TOKEN": "TOKEN"}
    az = {
        "AZURE_SERVICE_URL": url,
        "AZURE_ACCOUNT_NAME": "account",
        "AZURE_ACCESS_TOKEN": "TOKEN",
    }
    made: dict[str, tuple[Any, dict[str, str]]] = {
        "s3": (S3Storage, s3),
        "gs": (GsStorage, gs),
        "az": (AzureStorage, az),
    }
    client, values = made[kind]
    return client(Access(credentials=Credentials(rung="secret", values=values)))


@pytest.mark.parametrize("kind", ["s3", "gs", "az"])
@pytest.mark.parametrize("status", [302, 307])
async def test_no_redirect_is_followed_to_another_host(
    kind: str, status: int, site: Site, elsewhere: Site
) -> None:
    answer = Answer(status, b"", {"Location": f"{elsewhere.url}/m"})
    site.faults = [lambda _: answer] * 9
    client = _store(kind, f"http://127.0.0.1:{site.port}")

    with pytest.raises(BlockedAddress, match="redirects to where nobody may be sent"):
        await client.resolve(Source(uri=f"{kind}://models/m"))

    await client.close()
    assert site.asked
    assert not elsewhere.asked


def test_a_proxy_of_the_environment_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "minio.storage")
    away = client_options(Access(), "https://s3.example", held=True)
    near = client_options(Access(), "https://minio.storage:9000", held=True)
    assert "proxy_url" not in away
    assert near["proxy_url"] == NOWHERE
    assert near["proxy_excludes"] == "minio.storage"


def test_only_where_it_is_told_a_store_is_held_to_its_host() -> None:
    assert "proxy_url" not in client_options(Access(), "https://s3.example")


@pytest.mark.parametrize("kind", ["s3", "gs", "az"])
@pytest.mark.parametrize("page", [b"", b"null", b"<html>console</html>", b"\0\xff<<"])
async def test_a_web_server_is_no_store(kind: str, page: bytes, site: Site) -> None:
    """As where the endpoint is that of a console, which has a page for any path."""
    answer = Answer(200, page, {"Content-Type": "text/html"})
    site.faults = [lambda _: answer] * 9
    client = _store(kind, f"http://127.0.0.1:{site.port}")

    with pytest.raises(InvalidUri, match=r"does not answer as .* does"):
        await client.resolve(Source(uri=f"{kind}://models/m"))

    await client.close()
