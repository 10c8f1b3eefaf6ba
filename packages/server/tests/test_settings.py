"""Settings from their section."""

from __future__ import annotations

from inferry.config import Settings
from inferry.plugins import load_plugins
from inferry_server import ServerSettings


def test_the_defaults_of_the_plugin_are_those_of_the_server() -> None:
    settings = Settings()
    load_plugins("server", settings, only=["inferry-server"])
    assert ServerSettings.of(settings.section("server")) == ServerSettings()


def test_zero_is_endless_for_timeouts_and_what_is_given_last_wins() -> None:
    settings = ServerSettings.of(
        {"request_timeout": 3.0, "load_timeout": 0, "forwarded_headers": ["X-A"]},
        request_timeout=5.0,
        http_port=0,
    )
    assert settings.request_timeout == 5.0
    assert settings.load_timeout is None
    assert settings.forwarded_headers == ("x-a",)
    assert settings.http_port == 0
