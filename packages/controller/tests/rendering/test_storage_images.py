"""Models in images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.storage_images import modelcar

from inferry.storage import Source

if TYPE_CHECKING:
    from conftest import Bench

IMAGE = "storageUri: {}registry/model:1"


@pytest.mark.parametrize(
    ("scheme", "mode"),
    [
        ("oci://", "native"),
        ("oci+native://", "modelcar"),
        ("oci+native://", "fetch"),
    ],
)
def test_an_image_is_a_volume(bench: Bench, scheme: str, mode: str) -> None:
    """By default, or because the URI says so."""
    options = RenderOptions(oci_mode=mode)  # type: ignore[arg-type]
    spec = bench.model(IMAGE.format(scheme), options=options).template["spec"]
    assert spec["volumes"][0] == {
        "name": "oci-model-0",
        "image": {"reference": "registry/model:1"},
    }
    assert spec["containers"][0]["volumeMounts"][0] == {
        "name": "oci-model-0",
        "mountPath": "/mnt/models",
        "subPath": "models",
        "readOnly": True,
    }
    assert "initContainers" not in spec


def test_a_modelcar_is_a_sidecar_that_is_there_before_the_server(bench: Bench) -> None:
    spec = bench.model(IMAGE.format("oci+modelcar://")).template["spec"]
    (car,) = spec["initContainers"]
    assert (car["name"], car["image"]) == ("modelcar", "registry/model:1")
    assert car["restartPolicy"] == "Always"
    assert car["startupProbe"]["exec"]["command"] == ["test", "-L", "/mnt/models"]
    assert "/proc/$$$$/root/models /mnt/models" in car["command"][2]
    assert spec["shareProcessNamespace"] is True
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/mnt"


@pytest.mark.parametrize("scheme", ["oci://", "oci+fetch://"])
def test_an_image_is_fetched(bench: Bench, scheme: str) -> None:
    options = RenderOptions(oci_mode="fetch")
    spec = bench.model(IMAGE.format(scheme), options=options).template["spec"]
    (fetch,) = spec["initContainers"]
    assert fetch["args"][0] == "oci+fetch://registry/model:1"


def test_the_path_of_a_modelcar_is_one_word_to_its_shell() -> None:
    """Neither the shell nor Kubernetes reads anything into it."""
    source = Source(uri="oci+modelcar://registry/model:1", mount_path="/mnt/$(A); x")
    command = modelcar(source, 0).container["command"]
    assert command[2].endswith("/root/models '/mnt/$$(A); x' && exec sleep infinity")
