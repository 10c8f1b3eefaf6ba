"""Images and artifacts pulled from a real registry, byte for byte."""

from __future__ import annotations

import base64
import json
import random
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from storage.registry import Registry, gzipped, tar

from inferry.config import load_settings
from inferry.plugins import load_plugins
from inferry.storage import NotFound, Source, Unauthenticated
from inferry.testing import StorageTests
from inferry_storage.backends.oci import OciStorage
from inferry_storage.fetching.caching import fetch

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

BIG = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def pull(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> Callable[..., Any]:
    """Return a function that fetches an image from *registry* through the engine."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    async def pulled(uri: str, **more: str) -> dict[str, bytes]:
        address = uri.partition("://")[2].partition("/")[0]
        settings = load_settings(
            environ={},
            overrides={
                "storage.cache_dir": str(tmp_path / "cache"),
                "storage.endpoints": f"http://{address}",
                **more,
            },
        )
        plugins = load_plugins("local", settings, only=["storage"])
        path = await fetch(Source(uri=uri), plugins=plugins, settings=settings)
        return {
            str(each.relative_to(path)): each.read_bytes()
            for each in path.rglob("*")
            if each.is_file()
        }

    return pulled


class TestArtifact(StorageTests):
    """The kit for backends, on an artifact as ORAS pushes it."""

    client = OciStorage
    settings: ClassVar[dict[str, Any]] = {}
    credentials: ClassVar[Mapping[str, str]] = {
        "OCI_USERNAME": "canary-ada",
        "OCI_PASSWORD": "canary-words",
    }

    @pytest.fixture
    def source(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> str:
        endpoints = (f"http://{registry.address}",)
        monkeypatch.setitem(self.settings, "endpoints", endpoints)
        registry.artifact("kit/model:1", self.tree)
        return registry.uri("kit/model:1")


@pytest.mark.parametrize(
    ("pack", "ending"),
    [(bytes, ""), (gzipped, "+gzip"), (zstd.compress, "+zstd")],
    ids=["plain", "gzip", "zstd"],
)
async def test_the_folder_models_of_an_image_is_the_model(
    registry: Registry, pull: Callable[..., Any], pack: Any, ending: str
) -> None:
    below = tar({"models/config.json": b"{}", "models/big.bin": BIG, "bin/sh": b"#!"})
    name = f"team/car{ending.strip('+')}:1"
    registry.image(name, (pack(below), ending))

    assert await pull(registry.uri(name)) == {"config.json": b"{}", "big.bin": BIG}


async def test_a_layer_removes_files_of_those_below(
    registry: Registry, pull: Callable[..., Any]
) -> None:
    below = tar({"models/old.bin": b"1", "models/kept.bin": b"2", "models/d/x": b"3"})
    above = tar({"models/.wh.old.bin": b"", "models/d/.wh..wh..opq": b""})
    top = tar({"models/d/y": b"4"})
    registry.image(
        "team/whiteouts:1",
        (gzipped(below), "+gzip"),
        (above, ""),
        (zstd.compress(top), "+zstd"),
    )

    found = await pull(registry.uri("team/whiteouts:1"))

    assert found == {"kept.bin": b"2", "d/y": b"4"}


async def test_an_artifact_is_its_files(
    registry: Registry, pull: Callable[..., Any]
) -> None:
    files = {"config.json": b"{}", "empty.txt": b"", "weights/big.bin": BIG}
    registry.artifact("team/artifact:1", files)

    assert await pull(registry.uri("team/artifact:1")) == files


@pytest.mark.parametrize("kind", ["oci", "oci+fetch", "oci+native", "oci+modelcar"])
async def test_every_spelling_of_kserve_is_the_same_image(
    registry: Registry, pull: Callable[..., Any], kind: str
) -> None:
    registry.artifact("team/spelt:1", {"a": b"a"})
    uri = registry.uri("team/spelt:1").replace("oci", kind, 1)

    assert await pull(uri) == {"a": b"a"}


async def test_an_index_is_read_for_this_machine_and_not_for_its_attestation(
    registry: Registry, pull: Callable[..., Any]
) -> None:
    def made(text: str, **platform: str) -> dict[str, Any]:
        layer = tar({"models/who": text.encode()})
        image = registry.image("team/index", (layer, ""))
        return {**image, "platform": platform}

    attested = made("attestation", os="unknown", architecture="unknown")
    attested["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    registry.index(
        "team/index:1",
        attested,
        made("windows", os="windows", architecture="amd64"),
        made("amd64", os="linux", architecture="amd64"),
        made("arm64", os="linux", architecture="arm64"),
    )

    found = await pull(registry.uri("team/index:1"))

    assert found["who"] in {b"amd64", b"arm64"}


async def test_a_digest_pins_the_image(
    registry: Registry, pull: Callable[..., Any]
) -> None:
    pinned = registry.artifact("team/pinned:1", {"a": b"first"})
    registry.artifact("team/pinned:1", {"a": b"second"})
    uri = registry.uri(f"team/pinned:1@{pinned['digest']}")

    assert await pull(uri) == {"a": b"first"}
    assert await pull(registry.uri("team/pinned:1")) == {"a": b"second"}


async def test_a_tag_that_is_not_there_is_answered_with_those_that_are(
    registry: Registry, pull: Callable[..., Any]
) -> None:
    registry.artifact("team/tags:v1", {"a": b"a"})
    registry.artifact("team/tags:v2", {"a": b"a"})

    with pytest.raises(NotFound, match="no v3; it has the tags v1, v2"):
        await pull(registry.uri("team/tags:v3"))
    with pytest.raises(NotFound, match="no such repository"):
        await pull(registry.uri("team/nothing:v1"))


async def test_a_registry_with_a_login(
    serve_registry: Callable[..., Registry],
    pull: Callable[..., Any],
    tmp_path: Path,
) -> None:
    private = serve_registry(login=True)
    private.artifact("team/private:1", {"a": b"a"})

    with pytest.raises(Unauthenticated, match="asks for user and password"):
        await pull(private.uri("team/private:1"))
    log_in(tmp_path / "home", private.address, "ada", "wrong words")
    with pytest.raises(Unauthenticated) as caught:
        await pull(private.uri("team/private:1"))
    assert "wrong words" not in str(caught.value)
    log_in(tmp_path / "home", private.address, "ada", "open sesame")
    assert await pull(private.uri("team/private:1")) == {"a": b"a"}


def log_in(home: Path, address: str, user: str, password: str) -> None:
    """Do as ``docker login`` does."""
    folder = home / ".docker"
    folder.mkdir(parents=True, exist_ok=True)
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    entry: Mapping[str, Any] = {"auths": {address: {"auth": pair}}}
    (folder / "config.json").write_text(json.dumps(entry))
