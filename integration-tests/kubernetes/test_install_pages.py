"""Every command of the pages about an install is run, on a real API server."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from bed import definitions
from bed.cluster import Cluster
from reader import BLOCK, Block, Reader
from running import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOW_TO = "docs/how-to"
#: The parts of a page that begin on a cluster without Inferry, by their headings.
PARTS = {
    "install-on-kubernetes": (
        "With kubectl",
        "With Kustomize",
        "With Helm",
        "For some namespaces only",
        "A Gateway",
    ),
    "upgrade-on-kubernetes": ("Upgrade on Kubernetes",),
    "uninstall-from-kubernetes": ("Uninstall from Kubernetes",),
    "rights-on-kubernetes": ("Rights on Kubernetes",),
    "configure-the-controller": ("Configure the controller",),
    "move-from-kserve": ("Move from KServe",),
}
#: What stands before these: an install as the first page says.
INSTALLED = ("A Gateway", "Uninstall from Kubernetes", "Configure the controller")
#: Blocks before the first part: how to get the command.
UNREAD = {"install-on-kubernetes": 1}
HEADING = re.compile(r"^##? (.+)$", re.MULTILINE)
#: Asks for objects of each kind, as a controller does that runs. What is deleted before
#: anybody asked stays Terminating for minutes: the API server fails on a cache that is
#: not filled yet ("storage is (re)initializing").
ASK = """
for kind in $(kubectl api-resources --api-group serving.kserve.io --output name)
do kubectl get "$kind" --all-namespaces
done
"""
CASES = [(page, part) for page, parts in PARTS.items() for part in parts]


@pytest.fixture(scope="module")
def page_cluster(
    programs: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Return a cluster with pods and the Gateway API, and without our kinds."""
    folder = tmp_path_factory.mktemp("pages")
    kinds = definitions.gateway_api()
    with Cluster(folder, programs, nodes=1, definitions=kinds) as cluster:
        yield cluster


@pytest.fixture
def reader(
    page_cluster: Cluster, programs: Callable[[str], Path], tmp_path: Path
) -> Iterator[Reader]:
    """Return a reader with kubectl and helm; what is installed goes in the end."""
    tools = {str(programs(name).parent) for name in ("kubectl", "helm")}
    reader = Reader(tmp_path)
    reader.environment |= {
        "KUBECONFIG": str(page_cluster.kubeconfig),
        "HOME": str(tmp_path),
        "PATH": os.pathsep.join([*tools, reader.environment["PATH"]]),
    }
    yield reader
    reader.execute(ASK)
    reader.execute("inferry manifests | kubectl delete --ignore-not-found -f -")
    reader.execute("kubectl delete namespace --ignore-not-found kserve team-a")


@pytest.mark.parametrize(("page", "part"), CASES)
def test_every_command_of_the_page_works(reader: Reader, page: str, part: str) -> None:
    if part in INSTALLED:
        reader.execute("inferry manifests | kubectl apply -f -")
        reader.execute(ASK)
    found = blocks(page, part)
    assert found
    for block in found:
        reader.follow(block)


def test_every_part_with_commands_is_read() -> None:
    for page, parts in PARTS.items():
        text = (REPOSITORY / HOW_TO / f"{page}.md").read_text()
        read = [block for part in parts for block in blocks(page, part)]
        assert len(read) == len(BLOCK.findall(text)) - UNREAD.get(page, 0)


def blocks(page: str, part: str) -> list[Block]:
    """Return the blocks from the heading *part* up to the next one of ``PARTS``."""
    text = (REPOSITORY / HOW_TO / f"{page}.md").read_text()
    ends = [
        match.start()
        for match in HEADING.finditer(text)
        if match[1] in PARTS[page] and match[1] != part
    ]
    start = next(m.end() for m in HEADING.finditer(text) if m[1] == part)
    end = min((each for each in ends if each > start), default=len(text))
    return [
        Block(language=match[1], file=match[2] or "", text=match[3])
        for match in BLOCK.finditer(text, start, end)
    ]
