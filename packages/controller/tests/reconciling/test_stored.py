"""What is kept of a service tells apart what matters from what does not."""

from __future__ import annotations

import tracemalloc
from copy import deepcopy
from typing import Any

from inferry_controller.reconciling.stored import compact, stored


def obj() -> dict[str, Any]:
    """Return a service as an API server sends it."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "iris",
            "namespace": "team",
            "uid": "u1",
            "resourceVersion": "7",
            "generation": 2,
            "labels": {"a": "b"},
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
        "status": {"phase": "Ready"},
    }


def test_status_version_and_managed_fields_are_not_what_was_asked() -> None:
    """Nor is what kubectl keeps for itself."""
    other = deepcopy(obj())
    other["metadata"] |= {"resourceVersion": "8", "managedFields": []}
    key = "kubectl.kubernetes.io/last-applied-configuration"
    other["metadata"]["annotations"] = {key: "{}"}
    other["status"] = {"phase": "Failed"}

    assert stored(other).asked == stored(obj()).asked


def test_an_annotation_is_what_was_asked() -> None:
    """It may stop the service."""
    other = deepcopy(obj())
    other["metadata"]["annotations"] = {"serving.kserve.io/stop": "true"}

    assert stored(other).asked != stored(obj()).asked


def test_it_names_what_could_decide_about_it() -> None:
    """Formats, runtimes and accounts of all its predictors."""
    other = obj()
    other["spec"] = {
        "predictor": {"sklearn": {"storageUri": "s3://a/b"}},
        "canary": [
            {
                "trafficPercent": 5,
                "predictor": {
                    "model": {"modelFormat": {"name": "onnx"}, "runtime": "own"}
                },
            }
        ],
        "transformer": {"serviceAccountName": "reader", "containers": []},
    }

    assert stored(other).needs == (
        "account:default",
        "account:reader",
        "format:sklearn",
        "runtime:own",
    )


def test_the_document_is_the_service_without_its_status() -> None:
    """It is read again only when something is to be done."""
    found = stored(obj())

    assert found.document()["spec"] == obj()["spec"]
    assert "status" not in found.document()
    assert found.status_document() == {"phase": "Ready"}
    assert found.key == "team/iris"


def test_what_is_kept_takes_no_more_memory_than_its_bytes() -> None:
    documents = [{"name": "x" * 300, "number": each} for each in range(200)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = [compact(each) for each in documents]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < sum(map(len, kept)) + 200 * 100
