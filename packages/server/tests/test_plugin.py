"""The settings are declared as the server has them."""

from __future__ import annotations

from inferry_server.plugin import inferry_settings
from inferry_server.settings import ServerSettings

#: What is chosen where a server is started, and nowhere else.
ONLY_FLAGS = {"drain_delay", "grpc_port", "host", "http_port", "management_port"}


def test_every_setting_of_the_server_is_declared() -> None:
    declared = {spec.key for spec in inferry_settings()}
    assert declared | ONLY_FLAGS == set(ServerSettings.__struct_fields__)
    assert not declared & ONLY_FLAGS


def test_the_defaults_are_those_of_the_server() -> None:
    section = {spec.key: spec.default for spec in inferry_settings()}
    assert ServerSettings.of(section) == ServerSettings()


def test_every_setting_has_help() -> None:
    assert all(spec.help.endswith(".") for spec in inferry_settings())
