"""What the examples and pages hold is taken by a real cluster, unchanged."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bed import services
from bed.api import conditions, until
from bed.controller import Controller, install
from running import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bed.api import Object
    from bed.cluster import Cluster

_BLOCK = re.compile(r"^```yaml(?: \S+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PAGES = ("README.md", "docs/**/*.md", "examples/**/*.md", "packages/**/README.md")
#: Files with places to fill in.
_TEMPLATE = "/plugin-template/template/"
_SERVICE = "InferenceService"
#: Why a service of a page is not Ready on a cluster without its surroundings, by the
#: scheme of its model; and by its format, where a controller adopts no runtime for it
#: unless it is told to.
_LACKING = {"": "StorageNotSupported", "pvc": "VolumeNotFound"}
_NOT_ADOPTED = {"python": "NoSupportingRuntime"}


def _texts() -> Iterator[tuple[str, str]]:
    """Yield every YAML of the pages and the examples, and where it stands."""
    for pattern in _PAGES:
        for page in sorted(REPOSITORY.glob(pattern)):
            for block in _BLOCK.findall(page.read_text()):
                yield _where(page), block
    for file in sorted(REPOSITORY.glob("examples/**/*.yaml")):
        yield _where(file), file.read_text()


def _where(file: Path) -> str:
    return str(file.relative_to(REPOSITORY))


def _documents() -> dict[str, list[Object]]:
    """Return the Kubernetes objects of each page and file; pages also show parts."""
    found: dict[str, list[Object]] = {}
    texts = [each for each in _texts() if _TEMPLATE not in each[0]]
    for where, several in groupby(texts, key=lambda each: each[0]):
        objects = [
            document
            for _, text in several
            for document in yaml.safe_load_all(text)
            if isinstance(document, dict) and _is_object(document)
        ]
        if objects:
            found[where] = objects
    return found


def _is_object(document: Object) -> bool:
    return {"apiVersion", "kind", "metadata"} <= document.keys()


DOCUMENTS = _documents()
SERVED = [
    where
    for where, objects in DOCUMENTS.items()
    if any(each["kind"] == _SERVICE for each in objects)
]


@pytest.fixture(scope="module")
def home(full_cluster: Cluster) -> Iterator[str]:
    """Return a namespace that a controller looks after, on a cluster without routes."""
    install(full_cluster)
    namespace = full_cluster.namespace("pages")
    with Controller(
        full_cluster,
        watched=(namespace,),
        name="pages",
        KUBERNETES__INGRESS="none",
    ):
        yield namespace


def test_there_is_something_to_try() -> None:
    kinds = {each["kind"] for objects in DOCUMENTS.values() for each in objects}
    assert {_SERVICE, "Secret", "ServiceAccount", "ConfigMap", "Gateway"} <= kinds
    assert "examples/object-store/services.yaml" in SERVED
    assert len(SERVED) > 10


@pytest.mark.parametrize("where", DOCUMENTS)
def test_the_api_server_takes_it(cluster: Cluster, namespace: str, where: str) -> None:
    text = yaml.safe_dump_all(_anywhere(each) for each in DOCUMENTS[where])
    done = cluster.kubectl(
        *("apply", "--dry-run=server", "--namespace", namespace, "-f", "-"),
        stdin=text,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("(server dry run)") == len(DOCUMENTS[where])


@pytest.mark.parametrize("where", SERVED)
def test_its_services_run_or_say_what_is_lacking(
    full_cluster: Cluster, home: str, where: str
) -> None:
    """A model in a store is served; one on a laptop is named as such."""
    objects = [_anywhere(each) for each in DOCUMENTS[where]]
    for each in objects:
        full_cluster.api.apply(each, home)
    # One without a model waits for TrainedModels, which only a laptop serves yet.
    found = [
        each
        for each in objects
        if each["kind"] == _SERVICE
        and "storageUri" in each["spec"]["predictor"]["model"]
    ]
    for each in found:
        _is_as_told(full_cluster, home, each)
    for each in found:
        _delete(full_cluster, home, each["metadata"]["name"])


def _anywhere(document: Object) -> Object:
    """Return the document without its namespace: each test has one of its own."""
    metadata = {k: v for k, v in document["metadata"].items() if k != "namespace"}
    return {**document, "metadata": metadata}


def _is_as_told(cluster: Cluster, namespace: str, document: Object) -> None:
    name = document["metadata"]["name"]
    expected = _lacking(document["spec"]["predictor"]["model"])
    if expected is None:
        services.ready(cluster.api, name, namespace)
        return

    def says() -> Any:
        found = conditions(cluster.api.get("inferenceservices", name, namespace))
        return found.get("Ready", {}).get("reason") == expected

    until(says, f"{name} to say {expected}", 30)


def _lacking(model: Object) -> str | None:
    uri: str = model["storageUri"]
    scheme = uri.partition("://")[0] if "://" in uri else ""
    return _NOT_ADOPTED.get(model["modelFormat"]["name"], _LACKING.get(scheme))


def _delete(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.api.delete("inferenceservices", name, namespace)
    selector = f"serving.kserve.io/inferenceservice={name}"
    for kind in ("deployments", "services", "horizontalpodautoscalers"):
        until(
            lambda kind=kind: not cluster.api.list(kind, namespace, selector),
            f"the {kind} of {name} to go",
            60,
        )
