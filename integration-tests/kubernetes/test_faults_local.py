"""A fault that a laptop can have, too, has the same reason there.

The documents and reasons are those that `test_faults` and `test_node_faults` ask a
cluster for.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import faults_of_clusters
import faults_of_nodes
import pytest
import yaml
from faults_of_clusters import SERVING
from faults_of_nodes import BUCKETS
from faulty import CANARY, Fault, named

from inferry.api import InferenceService, loads
from inferry.config import load_settings
from inferry.errors import PlanningError
from inferry.planning import Catalog, plan
from inferry.plugins import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bed.api import Object
    from running import Running
    from storage.servers import Store

pytestmark = pytest.mark.full

_ALL: Mapping[str, Fault] = {**faults_of_clusters.FAULTS, **faults_of_nodes.FAULTS}
#: What `inferry run` refuses before anything runs.
PLANNED = (
    "unheard-of-format",
    "wrong-protocol",
    "runtime-missing",
    "runtime-disabled",
    "runtime-ambiguous",
    "unknown-scheme",
    "several-nodes",
)
#: What a laptop finds out as it runs: it has no admission, no nodes and no images.
SHARED = (
    "bad-key",
    "bucket-missing",
    "object-missing",
    "address-not-allowed",
    "corrupt",
    "corrupt-onnx",
    "unsafe",
    "no-model",
    "wrong-format",
)
_SECONDS = 300


@pytest.mark.parametrize("name", PLANNED)
def test_what_cannot_be_planned_has_the_same_reason(name: str) -> None:
    fault = _ALL[name]
    texts = [json.dumps(each) for each in (*fault.around, document(name))]
    loaded = loads("\n---\n".join(texts))
    loaded.raise_for_problems()
    documents = [each.document for each in loaded.documents]
    settings = load_settings(environ={})
    catalog = Catalog.build(load_plugins("local", settings), documents, settings)
    (service,) = (each for each in documents if isinstance(each, InferenceService))
    with pytest.raises(PlanningError) as caught:
        plan(service, catalog, backend="local")
    assert caught.value.reason == fault.reason
    assert [word for word in fault.says if word not in caught.value.message] == []
    assert caught.value.remedy


def document(name: str) -> dict[str, Any]:
    """Return the document of a fault for a laptop: its keys are the environment's."""
    made = copy.deepcopy(named(name, _ALL[name].document))
    made["spec"]["predictor"].pop("serviceAccountName", None)
    return made


def secret(made: Object, url: str) -> Object:
    """Return a Secret that leads to the store; a cluster's settings lead there."""
    host = url.removeprefix("http://")
    words = {f"{SERVING}/s3-endpoint": host, f"{SERVING}/s3-usehttps": "0"}
    return {**made, "metadata": {**made["metadata"], "annotations": words}}


@pytest.fixture
def told(
    tmp_path: Path, run: Callable[..., Running], seaweedfs: Store
) -> dict[str, dict[str, Any]]:
    """Return the status of every service once it has failed."""
    for bucket, tree in BUCKETS.items():
        seaweedfs.make(bucket)
        for key, data in tree.items():
            seaweedfs.put(bucket, key, data)
    around = [
        secret(each, seaweedfs.url) for name in SHARED for each in _ALL[name].around
    ]
    documents = [*around, *(document(name) for name in SHARED)]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(documents))
    running = run(
        "all.yaml",
        **seaweedfs.values,
        INFERRY_STORAGE__ENDPOINTS=json.dumps([seaweedfs.url]),
    )
    return {
        name: running.wait(name, "Failed", "Ready", seconds=_SECONDS) for name in SHARED
    }


def test_a_laptop_gives_the_reasons_of_a_cluster(
    told: Mapping[str, Mapping[str, Any]],
) -> None:
    wanted = {name: _ALL[name].reason for name in SHARED}
    assert {name: status["reason"] for name, status in told.items()} == wanted
    for name, status in told.items():
        assert status["phase"] == "Failed"
        assert status["remedy"], name
        assert "\n" not in status["message"] + status["remedy"]
    assert CANARY not in json.dumps(told)
