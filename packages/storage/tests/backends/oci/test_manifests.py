"""Manifests, and the one of an index that is for this machine."""

from __future__ import annotations

import json
import platform
from typing import Any

import pytest
from fakes.registry import IMAGE, INDEX, digest_of, image

from inferry.storage import Corrupt
from inferry_storage.backends.oci.manifests import chosen, decode

URI = "oci://reg.example/a:1"


def entry(name: str, **more: Any) -> dict[str, Any]:
    digest = digest_of(name.encode())
    return {"mediaType": IMAGE, "digest": digest, "size": 1, **more}


def choice(*entries: dict[str, Any]) -> str:
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}
    return chosen(URI, decode(URI, json.dumps(index).encode(), INDEX, "")).digest


def on(os: str, architecture: str) -> dict[str, Any]:
    return {"platform": {"os": os, "architecture": architecture}}


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "intel"), ("aarch64", "arm"), ("s390x", "intel")],
)
def test_the_image_of_this_machine_is_chosen(
    monkeypatch: pytest.MonkeyPatch, machine: str, expected: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    arm, intel = (
        entry("arm", **on("linux", "arm64")),
        entry("intel", **on("linux", "amd64")),
    )

    assert choice(arm, intel) == digest_of(expected.encode())


def test_another_machine_s_model_is_as_good() -> None:
    windows, odd = (
        entry("w", **on("windows", "amd64")),
        entry("o", **on("linux", "s390x")),
    )

    assert choice(windows, odd) == digest_of(b"o")
    assert choice(entry("none")) == digest_of(b"none")


def test_what_attests_an_image_is_not_one() -> None:
    attested = entry("attest", **on("unknown", "unknown"))
    note = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}

    assert choice(attested, entry("noted", **note), entry("m")) == digest_of(b"m")


@pytest.mark.parametrize("told", [INDEX, "application/vnd.oci.image.index.v1+json"])
def test_one_digest_does_not_mean_two_images(told: str) -> None:
    with pytest.raises(Corrupt, match="neither clearly an image nor an index"):
        decode(URI, json.dumps(image()).encode(), told, "")
