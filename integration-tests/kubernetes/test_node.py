"""Pods that run for real: containers, probes, credentials, and how they end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bed import services
from bed.api import until
from bed.load import Load
from site_services import FLOWER, deploy, pods, service

if TYPE_CHECKING:
    from bed.api import Object
    from bed.site import Site

#: What is asked at least while pods come and go, and how often a second; the load goes
#: on until they have.
COUNT, RATE = (10_000, 120) if os.environ.get("INFERRY_FULL") else (2_000, 30)
ENDLESS = 1_000_000


def test_an_sklearn_example_runs_in_a_restricted_pod_and_answers(
    site: Site, home: str, bucket: str
) -> None:
    name = deploy(site, home, service("iris-sklearn", bucket, "sklearn"))
    with site.gateway.client(services.host(name, home)) as client:
        answer = client.post(f"/v1/models/{name}:predict", json=FLOWER)
        assert answer.json() == {"predictions": [0]}


def test_an_onnx_example_runs_in_a_restricted_pod_and_answers(
    site: Site, home: str, bucket: str
) -> None:
    name = deploy(site, home, service("iris-onnx", bucket, "onnx"))
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
    """Two replicas roll, three run, a node is drained, and one is left."""
    api = site.cluster.api

    def steady(**changes: object) -> Object:
        return service("steady", bucket, "onnx", **changes)

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
        url, body, host=services.host(name, home), total=ENDLESS, rate=RATE
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
        until(lambda: load.asked >= COUNT, f"{COUNT} requests", COUNT / RATE * 4)
    assert load.lost == {}


def test_a_pod_that_takes_too_much_memory_says_so(
    site: Site, home: str, bucket: str
) -> None:
    document = service("greedy", bucket, "sklearn")
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
    document = service("broken", broken, "sklearn")
    site.cluster.api.apply(document, home)
    found = services.fails(site.cluster.api, "broken", home, 90)
    assert found["status"]["reason"] == "ModelCorrupt", found["status"]
    assert found["status"]["remedy"]


def test_a_missing_bucket_says_so(site: Site, home: str) -> None:
    document = service("nowhere", "there-is-none", "sklearn")
    site.cluster.api.apply(document, home)
    found = services.fails(site.cluster.api, "nowhere", home, 60)
    assert found["status"]["reason"] == "StorageNotFound", found["status"]
