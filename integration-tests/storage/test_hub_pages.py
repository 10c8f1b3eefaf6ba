"""Whoever follows the pages about hubs, forges, clusters and shares sees the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from storage.test_web_pages import follow

# The servers are those of the package's own tests.
sys.path.append(str(Path(__file__).parents[2] / "packages/storage/tests"))

from fakes.cluster import Namenode
from fakes.forge import Forge
from fakes.hub import Hub, Repository
from fakes.share import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fakes.site import Site

S = TypeVar("S", bound="Site")
_CONFIG = b'{"a": "b"}\n'
_WEIGHTS = bytes(4096)
_TREE = {"config.json": _CONFIG, "weights/model.bin": _WEIGHTS}


@pytest.fixture
def running() -> Iterator[Callable[[S], S]]:
    """Return a function that stops its server at the end."""
    sites: list[Site] = []

    def keep(site: S) -> S:
        sites.append(site)
        return site

    yield keep
    for site in sites:
        site.stop()


def test_the_page_about_the_hub(running: Callable[[Hub], Hub], tmp_path: Path) -> None:
    hub = running(Hub())
    files = {"config.json": _CONFIG, "model.safetensors": _WEIGHTS}
    hub.repositories["team/tiny-bert"] = Repository(files)
    hub.repositories["team/gated"] = Repository(files)
    hub.repositories["team/gated"].gated = True
    follow(
        "serve-from-hugging-face.md",
        tmp_path,
        {},
        HF_ENDPOINT=hub.url,
        INFERRY_STORAGE__ENDPOINTS=hub.cdn.url,
    )


def test_the_page_about_git(running: Callable[[Forge], Forge], tmp_path: Path) -> None:
    (tmp_path / "forge" / "team").mkdir(parents=True)
    forge = running(Forge(tmp_path / "forge"))
    files = {**_TREE, "weights/model.bin": forge.pointer(_WEIGHTS)}
    commit = forge.commit("team/iris", files)
    follow(
        "serve-from-git.md",
        tmp_path,
        {"git+https://git.example": f"git+{forge.url}", "COMMIT": commit},
        INFERRY_STORAGE__ENDPOINTS=f"{forge.url},{forge.store.url}",
    )


def test_the_page_about_hdfs(
    running: Callable[[Namenode], Namenode], tmp_path: Path
) -> None:
    namenode = running(Namenode())
    namenode.files = {f"/user/ann/mnist/{name}": _TREE[name] for name in _TREE}
    follow("serve-from-hdfs.md", tmp_path, {}, HDFS_NAMENODE=namenode.url)


def test_the_page_about_azure_files(
    running: Callable[[Share], Share], tmp_path: Path
) -> None:
    share = running(Share())
    share.files = {f"mnist/{name}": _TREE[name] for name in _TREE}
    follow(
        "serve-from-azure-files.md",
        tmp_path,
        {},
        AZURE_ACCOUNT_NAME=share.account,
        AZURE_STORAGE_ACCESS_KEY=share.key,
        AZURE_FILE_SERVICE_URL=share.url,
    )


def test_the_page_about_volumes(tmp_path: Path) -> None:
    (tmp_path / "mnist.onnx").write_bytes(_WEIGHTS)
    follow("serve-from-a-volume.md", tmp_path, {})
