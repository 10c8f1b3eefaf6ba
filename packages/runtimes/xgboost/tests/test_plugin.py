"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_xgboost import plugin


class TestPlugin(PluginTests):
    plugin = "xgboost"


def test_serves_its_format_under_the_name_that_kserve_knows() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "xgboost"
    assert {each.name for each in runtime.formats} == {"xgboost"}
    assert runtime.aliases == ("kserve-xgbserver",)
