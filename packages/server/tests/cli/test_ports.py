"""Ports that nobody chose."""

from __future__ import annotations

import socket

import pytest

from inferry_server import ServerSettings
from inferry_server.cli.ports import open_to_strangers, settled


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


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "a.example"])
def test_who_opens_too_much_to_a_network_is_told(host: str) -> None:
    settings = ServerSettings(host=host, allow_management=True)
    (note,) = open_to_strangers(settings)
    assert note == (
        f"--allow_management is for whoever reaches {host}: set --api_keys or "
        "--jwt_keys, or leave it out"
    )


@pytest.mark.parametrize(
    "settings",
    [
        ServerSettings(host="0.0.0.0"),
        ServerSettings(host="127.0.0.1", allow_management=True),
        ServerSettings(host="::1", allow_shared_memory=True),
        ServerSettings(host="localhost", allow_management=True),
        ServerSettings(host="0.0.0.0", allow_management=True, api_keys="keys"),
    ],
)
def test_what_is_closed_or_near_is_not_warned_of(settings: ServerSettings) -> None:
    assert open_to_strangers(settings) == []
