"""The plugin passes the kit."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_python import plugin


class TestPlugin(PluginTests):
    plugin = "python"


def test_serves_the_format_python() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert [f.name for f in runtime.formats] == ["python"]
    assert [option.name for option in runtime.options] == ["module", "class"]


def test_nothing_is_trusted_by_default() -> None:
    (setting,) = plugin.inferry_settings()

    assert (setting.section, setting.key) == ("plugins.python", "trust")
    assert setting.default == ()


def test_no_option_lets_a_service_trust_itself() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert not [option for option in runtime.options if "trust" in option.name.lower()]
