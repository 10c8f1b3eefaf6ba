"""What of a manifest is the model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.registry import LAYER, TITLE, artifact, digest_of, image

from inferry.storage import NoBackend, NotAllowed
from inferry_storage.backends.oci.contents import contents
from inferry_storage.backends.oci.manifests import decode

UNPACK = "io.deis.oras.content.unpack"
URI = "oci://reg.example/a:1"


def blob(kind: str, **notes: str) -> dict[str, Any]:
    return {
        "mediaType": kind,
        "digest": digest_of(b""),
        "size": 0,
        "annotations": notes,
    }


def found(manifest: dict[str, Any]) -> tuple[bool, list[str]]:
    body = json.dumps(manifest).encode()
    layers, blobs = contents(URI, decode(URI, body, "", ""))
    return layers, [name for name, _ in blobs]


@pytest.mark.parametrize(
    "kind",
    [
        *(f"{LAYER}{ending}" for ending in ("", "+gzip", "+zstd")),
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ],
)
def test_layers_of_images_are_layers(kind: str) -> None:
    assert found(image(blob(kind), blob(kind))) == (True, ["layer-000", "layer-001"])


def test_files_of_artifacts_have_their_titles() -> None:
    files = [blob("text/plain", **{TITLE: name}) for name in ("a/b.json", "c.tar.gz")]

    assert found(artifact(*files)) == (False, ["a/b.json", "c.tar.gz"])
    assert found(image(*files)) == (False, ["a/b.json", "c.tar.gz"])


def test_a_folder_that_oras_packed_is_unpacked() -> None:
    packed = blob(f"{LAYER}+gzip", **{TITLE: "model", UNPACK: "true"})

    assert found(artifact(packed)) == (True, ["layer-000"])


def test_files_of_model_packs_have_their_paths() -> None:
    raw = blob(
        "application/vnd.cncf.model.weight.v1.raw",
        **{"org.cncf.model.filepath": "weights/a.safetensors"},
    )
    packed = blob(
        "application/vnd.cncf.model.weight.v1.tar+gzip",
        **{"org.cncf.model.filepath": "weights"},
    )

    assert found(artifact(raw)) == (False, ["weights/a.safetensors"])
    assert found(artifact(packed)) == (True, ["layer-000"])
    with pytest.raises(NoBackend, match="packed folders beside plain files"):
        found(artifact(raw, packed))


def test_what_lies_elsewhere_is_refused() -> None:
    foreign = blob("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")

    with pytest.raises(NotAllowed, match="at another address"):
        found(image(foreign))


def test_an_image_has_not_too_many_layers() -> None:
    with pytest.raises(NotAllowed, match="1001 layers"):
        found(image(*[blob(LAYER)] * 1001))
