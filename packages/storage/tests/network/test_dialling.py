"""Every address of a name is tried, each for its share of the time."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from inferry_storage.network.dialling import (
    GuardedAsyncDialling,
    GuardedDialling,
    dial,
)
from inferry_storage.network.guard import Guard
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from conftest import WebServer

LOCAL = Guard(Policy.of({"allow_networks": ("127.0.0.0/8", "::1/128")}))


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the name have an address where nobody listens before the good one."""
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *more: Any, **keys: Any) -> Any:
        if host != "two.example":
            return real(host, port, *more, **keys)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in ("127.0.0.9", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


async def test_the_next_address_is_tried(web: WebServer, two_addresses: None) -> None:
    port = int(web.url("").rpartition(":")[2])

    found = dial(LOCAL, "two.example", port, 5.0)
    assert found.getpeername() == ("127.0.0.1", port)
    found.close()
    GuardedDialling(LOCAL).connect_tcp("two.example", port, 5.0).close()
    stream = await GuardedAsyncDialling(LOCAL).connect_tcp("two.example", port, 5.0)
    await stream.aclose()


async def test_no_address_takes_it(two_addresses: None) -> None:
    with pytest.raises(httpcore.ConnectError):
        dial(LOCAL, "two.example", 1, 5.0)
    with pytest.raises(httpcore.ConnectError):
        GuardedDialling(LOCAL).connect_tcp("two.example", 1, 5.0)
    with pytest.raises(httpcore.ConnectError):
        await GuardedAsyncDialling(LOCAL).connect_tcp("two.example", 1, 5.0)


def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(httpcore.ConnectError, match=r"no\.invalid"):
        dial(LOCAL, "no.invalid", 1, 5.0)
