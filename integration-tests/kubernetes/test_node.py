"""Pods that run for real: containers, probes, credentials, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bed import services
from bed.api import until
from bed.load import Load
from bed.site import ACCOUNT

if TYPE_CHECKING:
    from bed.api import Object
    from bed.site import Site

FLOWER = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
#: Small ones, so that many pods fit on the nodes of one machine.
RESOURCES = {
    "requests": {"cpu": "50m", "memory": "128Mi"},
    "limits": {"cpu": "1", "memory": "1Gi"},
}


@pytest.fixture(scope="session")
def bucket(site: Site, iris_folder: Path) -> str:
    """Return a bucket of the store with an sklearn and an onnx model."""
    onnx = (EXAMPLES / "data-plane" / "iris.onnx").read_bytes()
    skops = (iris_folder / "model.skops").read_bytes()
    return site.store.filled({"sklearn/model.skops": skops, "onnx/model.onnx": onnx})


def service(site: Site, bucket: str, format_: str, **predictor: object) -> Object:
    model = {
        "modelFormat": {"name": format_},
        "storageUri": f"s3://{bucket}/{format_}",
        "resources": RESOURCES,
    }
    spec = {"model": model, "serviceAccountName": ACCOUNT, "minReplicas": 1}
    return services.inference_service(f"iris-{format_}", spec | predictor)


@pytest.fixture(scope="session")
def home(site: Site) -> str:
    """Return the namespace of the tests here; each service has a name of its own."""
    return site.namespace()


def deploy(site: Site, home: str, document: Object, seconds: float = 120) -> str:
    """Apply a service and return its name when it is Ready and Envoy reaches it."""
    name: str = document["metadata"]["name"]
    site.cluster.api.apply(document, home)
    services.ready(site.cluster.api, name, home, seconds)
    with site.gateway.client(services.host(name, home)) as client:
        path = f"/v2/models/{name}/ready"
        until(lambda: client.get(path).is_success, f"{name} behind Envoy")
    return name


def pods(site: Site, home: str, name: str) -> list[Object]:
    """Return the pods of a service that are not on their way out."""
    selector = f"serving.kserve.io/inferenceservice={name}"
    found = site.cluster.api.list("pods", home, selector)
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def test_an_sklearn_example_runs_in_a_restricted_pod_and_answers(
    site: Site, home: str, bucket: str
) -> None:
    name = deploy(site, home, service(site, bucket, "sklearn"))
    with site.gateway.client(services.host(name, home)) as client:
        answer = client.post(f"/v1/models/{name}:predict", json=FLOWER)
        assert answer.json() == {"predictions": [0]}


def test_an_onnx_example_runs_in_a_restricted_pod_and_answers(
    site: Site, home: str, bucket: str
) -> None:
    name = deploy(site, home, service(site, bucket, "onnx"))
    with site.gateway.client(services.host(name, home)) as client:
        (wanted,) = client.get(f"/v2/models/{name}").json()["inputs"]
        row = {"name": wanted["name"], "datatype": "FP32", "shape": [1, 4]}
        body = {"inputs": [row | {"data": [5.1, 3.5, 1.4, 0.2]}]}
        answer = client.post(f"/v2/models/{name}/infer", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model_name"] == name


def test_no_request_is_lost_while_a_service_rolls_scales_and_drains(
    site: Site, home: str, bucket: str
) -> None:
    """10,000 requests: two replicas roll, three run, a node is drained, one is left."""
    api = site.cluster.api

    def steady(**changes: object) -> Object:
        document = service(site, bucket, "onnx", **changes)
        document["metadata"]["name"] = "steady"
        return document

    name = deploy(site, home, steady(minReplicas=2, maxReplicas=2))
    body = {
        "inputs": [
            {
                "name": "measurements",
                "datatype": "FP32",
                "shape": [1, 4],
                "data": [5.1, 3.5, 1.4, 0.2],
            }
        ]
    }
    url = f"{site.gateway.url}/v2/models/{name}/infer"
    with Load(
        url, body, host=services.host(name, home), total=10_000, rate=120, workers=6
    ) as load:
        before = {pod["metadata"]["uid"] for pod in pods(site, home, name)}
        labels = {"generation": "two"}
        api.apply(steady(minReplicas=2, maxReplicas=2, labels=labels), home)
        until(
            lambda: (
                not before & {pod["metadata"]["uid"] for pod in pods(site, home, name)}
            ),
            "the old pods to go",
            120,
        )
        services.ready(api, name, home)
        api.apply(steady(minReplicas=3, maxReplicas=3, labels=labels), home)
        services.ready(api, name, home, 120)
        until(lambda: len(pods(site, home, name)) == 3, "three pods", 60)
        drained = site.cluster.kubectl(
            *("drain", "node-1", "--delete-emptydir-data", "--force"),
            *("--ignore-daemonsets", "--timeout=120s"),
            seconds=150,
        )
        assert drained.returncode == 0, drained.stderr
        services.ready(api, name, home, 120)
        site.cluster.kubectl("uncordon", "node-1")
        api.apply(steady(minReplicas=1, maxReplicas=1, labels=labels), home)
        until(lambda: len(pods(site, home, name)) == 1, "one pod", 60)
        load.finish()
    assert load.lost == {}
    assert load.answers.total() == 10_000


def test_a_pod_that_takes_too_much_memory_says_so(
    site: Site, home: str, bucket: str
) -> None:
    document = service(site, bucket, "sklearn")
    document["metadata"]["name"] = "greedy"
    model = document["spec"]["predictor"]["model"]
    little = {"cpu": "1", "memory": "40Mi"}
    model["resources"] = {
        "requests": {"cpu": "50m", "memory": "40Mi"},
        "limits": little,
    }
    site.cluster.api.apply(document, home)
    found = services.fails(site.cluster.api, "greedy", home, 90)
    assert found["status"]["reason"] == "OutOfMemory", found["status"]


def test_a_model_that_does_not_load_says_why(site: Site, home: str) -> None:
    broken = site.store.filled({"sklearn/model.skops": b"no model at all"})
    document = service(site, broken, "sklearn")
    document["metadata"]["name"] = "broken"
    site.cluster.api.apply(document, home)
    found = services.fails(site.cluster.api, "broken", home, 90)
    assert found["status"]["reason"] == "ModelCorrupt", found["status"]
    assert found["status"]["remedy"]


def test_a_missing_bucket_says_so(site: Site, home: str) -> None:
    document = service(site, "there-is-none", "sklearn")
    document["metadata"]["name"] = "nowhere"
    site.cluster.api.apply(document, home)
    found = services.fails(site.cluster.api, "nowhere", home, 60)
    assert found["status"]["reason"] == "StorageNotFound", found["status"]
