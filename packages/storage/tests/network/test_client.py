"""The clients that backends share: guarded, plain, without redirects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.storage import BlockedAddress, NotAllowed
from inferry_storage.network.client import open_blocking_client, open_client
from inferry_storage.network.guard import Guard
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from conftest import WebServer

LOCAL = Guard(Policy.of({"allow_http": True, "allow_networks": ("127.0.0.0/8",)}))
STRICT = Guard(Policy.of({}))


async def test_a_client_asks_what_is_allowed(web: WebServer) -> None:
    web.files["/a"] = b"data"

    async with open_client(LOCAL) as client:
        assert (await client.get(web.url("/a"))).content == b"data"
    with open_blocking_client(LOCAL) as client:
        assert client.get(web.url("/a")).content == b"data"
    assert {each["Accept-Encoding"] for each in web.headers} == {"identity"}


async def test_a_client_asks_nothing_else(web: WebServer) -> None:
    async with open_client(STRICT) as client:
        with pytest.raises(NotAllowed):
            await client.get(web.url("/a"))
        with pytest.raises(BlockedAddress):
            await client.get(web.url("/a").replace("http:", "https:"))
    with open_blocking_client(STRICT) as client:
        with pytest.raises(NotAllowed):
            client.get(web.url("/a"))
        with pytest.raises(BlockedAddress):
            client.get(web.url("/a").replace("http:", "https:"))
    assert web.requests == []
