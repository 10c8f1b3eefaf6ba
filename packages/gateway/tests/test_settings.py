"""The settings and where they come from."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from inferry_gateway import GatewaySettings


def test_defaults_stay_on_loopback() -> None:
    settings = GatewaySettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)


def test_a_section_overrides_what_it_names() -> None:
    settings = GatewaySettings.from_section({"port": 9, "hold_seconds": 2, "other": 1})
    assert (settings.port, settings.hold_seconds) == (9, 2.0)
    assert settings.retry_after == GatewaySettings().retry_after


@pytest.mark.parametrize(
    "section", [{"port": 70_000}, {"hold_seconds": -1}, {"host": ""}, {"port": "x"}]
)
def test_a_value_out_of_bounds_is_refused(section: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(section))):
        GatewaySettings.from_section(section)
