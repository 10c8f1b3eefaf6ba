"""The plugin passes the kit."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_storage import plugin


class TestPlugin(PluginTests):
    plugin = "storage"


def test_reads_local_paths_and_the_web() -> None:
    schemes = {b.name: b.schemes for b in plugin.inferry_storage_backends()}

    assert schemes == {"file": ("file",), "https": ("https", "http")}


def test_every_setting_is_explained() -> None:
    settings = list(plugin.inferry_settings())

    assert all(setting.help.endswith(".") for setting in settings)
    assert {setting.section for setting in settings} == {"storage"}
