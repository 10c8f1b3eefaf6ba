"""Ports that nobody chose."""

from __future__ import annotations

import socket

import pytest

from inferry_server import ServerSettings
from inferry_server.cli.ports import settled


@pytest.fixture(autouse=True)
def on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_a_taken_port_that_nobody_chose_is_any_free_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = ServerSettings(grpc_port=port, management_port=port)
        told, notes = settled(settings, {"grpcPort"})
        assert (told.grpc_port, told.management_port) == (port, 0)
        assert notes == [f"port {port} is taken, so --management_port is any free one"]
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        assert settled(settings, ()) == (settings, [])


def test_a_port_that_is_off_or_any_stays_so() -> None:
    settings = ServerSettings(grpc_port=None, management_port=0)
    assert settled(settings, ()) == (settings, [])


def test_an_address_that_is_no_one_s_is_not_taken_for_a_taken_port() -> None:
    settings = ServerSettings(host="192.0.2.1", grpc_port=8081)
    assert settled(settings, ()) == (settings, [])
