"""Whoever follows a page from the laptop to a cluster gets there, pods and all."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from reader import Reader, blocks
from running import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bed.site import Site

pytestmark = pytest.mark.full

EXAMPLE = "examples/kubernetes"
TUTORIAL = "docs/tutorial/from-laptop-to-cluster.md"


@pytest.fixture(scope="module")
def bucket(site: Site) -> str:
    """Return the bucket that both pages tell of."""
    site.store.make("models")
    return "models"


@pytest.fixture
def reader(
    site: Site, bucket: str, programs: Callable[[str], Path], tmp_path: Path
) -> Iterator[Reader]:
    """Return a reader with a laptop, a cluster, and a *bucket* that both reach."""
    folder = tmp_path / "examples" / "kubernetes"
    shutil.copytree(REPOSITORY / EXAMPLE, folder)
    for name in ("demo", "data-plane"):
        shutil.copytree(REPOSITORY / "examples" / name, tmp_path / "examples" / name)
    assert bucket
    reader = Reader(folder)
    reader.environment |= {
        key: site.store.values[key]
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    reader.environment |= {
        "AWS_ENDPOINT_URL": site.store.url,
        "GATEWAY": site.gateway.url,
        "HOME": str(tmp_path),
        "KUBECONFIG": str(site.cluster.kubeconfig),
        "PATH": os.pathsep.join(
            [str(programs("kubectl").parent), reader.environment["PATH"]]
        ),
    }
    yield reader
    reader.stop()
    reader.execute("kubectl delete --ignore-not-found isvc --all")
    reader.execute("kubectl delete --ignore-not-found secret/store sa/models")


@pytest.mark.parametrize("page", [TUTORIAL, f"{EXAMPLE}/README.md"])
def test_every_block_of_the_page_works(reader: Reader, page: str) -> None:
    found = blocks(page)
    assert {"sh", "json"} <= {block.language for block in found}
    for block in found:
        reader.follow(block)


def test_the_gateway_of_the_example_is_that_of_an_install(reader: Reader) -> None:
    reader.execute("inferry manifests --gateway contour --only gateway")
    printed = yaml.safe_load_all(reader.printed)
    kept = (REPOSITORY / EXAMPLE / "cluster" / "gateway.yaml").read_text()
    for ours, theirs in zip(yaml.safe_load_all(kept), printed, strict=True):
        theirs["metadata"].pop("labels")
        assert ours == theirs
