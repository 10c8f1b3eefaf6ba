"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_pytorch import plugin


class TestPlugin(PluginTests):
    plugin = "pytorch"


def test_serves_its_format_under_the_name_that_kserve_knows() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "pytorch"
    assert {each.name for each in runtime.formats} == {"pytorch"}
    assert runtime.aliases == ("kserve-torchserve",)
