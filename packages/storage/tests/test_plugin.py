"""The plugin passes the kit."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_storage import plugin


class TestPlugin(PluginTests):
    plugin = "storage"


def test_no_scheme_is_read_by_two() -> None:
    schemes = [s for b in plugin.inferry_storage_backends() for s in b.schemes]

    assert len(schemes) == len(set(schemes))
    assert {"file", "gs", "hf", "https", "oci", "pvc", "s3"} <= set(schemes)


def test_every_setting_is_explained() -> None:
    settings = list(plugin.inferry_settings())

    assert all(setting.help.endswith(".") for setting in settings)
    assert {setting.section for setting in settings} == {"storage"}


def test_one_image_fetches_on_a_cluster_whatever_is_not_mounted_there() -> None:
    images = {
        each.name: each.container.image if each.container else ""
        for each in plugin.inferry_storage_backends()
    }
    assert {name for name, image in images.items() if not image} == {"file", "pvc"}
    assert set(images.values()) == {"", "{registry}/inferry-storage:{version}"}
