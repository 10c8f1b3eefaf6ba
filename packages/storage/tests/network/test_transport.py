"""Proxies of the environment are used, and not for addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from inferry.errors import StorageError
from inferry_storage.network.client import open_blocking_client
from inferry_storage.network.guard import Guard
from inferry_storage.network.transport import GuardedTransport
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from conftest import Handler, WebServer


LOCAL = Policy.of({"allow_http": True, "allow_networks": ("127.0.0.0/8",)})
HTTP = Policy.of({"allow_http": True})


async def ask(url: str, policy: Policy) -> httpx.Response:
    transport = GuardedTransport(Guard(policy))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        return await client.get(url)


async def test_a_proxy_is_asked_for_names(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def answer(handler: Handler) -> None:
        seen.append(handler.path)
        web.send(handler, b"from the proxy")

    web.routes["http://models.example/a"] = answer
    monkeypatch.setenv("http_proxy", web.url(""))

    response = await ask("http://models.example/a", HTTP)

    assert response.content == b"from the proxy"
    assert seen == ["http://models.example/a"]


async def test_a_private_address_is_not_asked_of_a_proxy(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", web.url(""))

    with pytest.raises(StorageError, match="is not an address"):
        await ask("http://169.254.169.254/", HTTP)

    assert web.requests == []


async def test_the_host_is_told_as_it_was_written(web: WebServer) -> None:
    web.files["/a"] = b"x"

    await ask(web.url("/a"), LOCAL)

    assert web.headers[0]["Host"].startswith("localhost:")


def test_a_client_of_threads_asks_the_proxy_too(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.routes["http://models.example/a"] = lambda handler: web.send(handler, b"x")
    monkeypatch.setenv("http_proxy", web.url("").replace("localhost", "127.0.0.1"))

    with open_blocking_client(Guard(HTTP)) as client:
        assert client.get("http://models.example/a").content == b"x"


async def test_what_is_cut_off_is_an_error_of_httpx(web: WebServer) -> None:
    web.routes["/a"] = lambda handler: web.send(handler, b"x" * 100, cut=10)

    with pytest.raises(httpx.RemoteProtocolError):
        await ask(web.url("/a"), LOCAL)
    with (
        open_blocking_client(Guard(LOCAL)) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get(web.url("/a"))
