"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_huggingface import plugin


class TestPlugin(PluginTests):
    plugin = "huggingface"


def test_serves_its_format_under_the_name_that_kserve_knows() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "huggingface"
    assert {each.name for each in runtime.formats} == {"huggingface"}
    assert runtime.aliases == ("kserve-huggingfaceserver",)
