"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_sklearn import plugin


class TestPlugin(PluginTests):
    plugin = "sklearn"


def test_serves_the_format_sklearn_over_v1_and_v2() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "sklearn"
    assert [f.name for f in runtime.formats] == ["sklearn"]
    assert runtime.protocols == ("v1", "v2", "grpc-v2")
    assert runtime.aliases == ("kserve-sklearnserver",)


def test_pickles_are_off_by_default() -> None:
    (runtime,) = plugin.inferry_runtimes()

    defaults = {option.name: option.default for option in runtime.options}

    assert defaults["allowPickle"] is False
    assert defaults["trustedTypes"] == ""
