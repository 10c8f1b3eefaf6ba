"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_triton import plugin


class TestPlugin(PluginTests):
    plugin = "triton"


def test_serves_its_format_under_the_name_that_kserve_knows() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "triton"
    assert {each.name for each in runtime.formats} == {"triton"}
    assert runtime.aliases == ("kserve-tritonserver",)
