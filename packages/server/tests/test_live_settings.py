"""Which requests are traced; that settings are read and refused is tested over HTTP."""

from __future__ import annotations

import pytest

from inferry.errors import InvalidInput
from inferry_server.live_settings import TraceSettings


def wanted(settings: TraceSettings, model: str = "m", times: int = 6) -> list[bool]:
    return [settings.wants(model) for _ in range(times)]


def test_a_server_without_tracing_traces_nothing() -> None:
    assert not any(wanted(TraceSettings(on=False)))


def test_a_rate_traces_one_of_so_many() -> None:
    settings = TraceSettings(on=True)
    assert all(wanted(settings))
    settings = TraceSettings(on=True)
    settings.change("", {"trace_rate": "3"})
    assert wanted(settings) == [True, False, False, True, False, False]


def test_a_count_ends_traces_and_is_shown() -> None:
    settings = TraceSettings(on=True)
    settings.change("m", {"trace_count": "2"})
    assert wanted(settings, times=4) == [True, True, False, False]
    assert settings.of("m")["trace_count"] == "0"
    assert settings.of("other")["trace_count"] == "-1"
    assert all(wanted(settings, "other"))


def test_a_model_may_be_left_out() -> None:
    settings = TraceSettings(on=True)
    settings.change("m", {"trace_level": ["OFF"]})
    assert not any(wanted(settings, "m"))
    assert all(wanted(settings, "other"))


def test_a_change_with_a_fault_changes_nothing() -> None:
    settings = TraceSettings(on=True)
    with pytest.raises(InvalidInput):
        settings.change("", {"trace_rate": "5", "trace_count": "x"})
    assert settings.of()["trace_rate"] == "1"
