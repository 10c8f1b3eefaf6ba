"""What goes wrong on a cluster reaches the status, each thing by its own name.

Admission, the scheduler and the garbage collector are real; what containers do is told
by KWOK.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from bed.api import conditions, until
from bed.kwok import EXIT_CODE, FAULT, MESSAGE
from controlled import SERVICES, Room, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bed.api import Object
    from bed.cluster import Cluster

#: The promise: a reason within 30 seconds.
_SECONDS = 30


@pytest.fixture(scope="module")
def room(full_cluster: Cluster) -> Iterator[Room]:
    """Return a namespace that a controller without routes looks after."""
    from bed.controller import Controller, install

    install(full_cluster)
    namespace = full_cluster.namespace("faults")
    with Controller(
        full_cluster, watched=(namespace,), name="faults", KUBERNETES__INGRESS="none"
    ) as controller:
        controller.wait_until_ready()
        yield Room(full_cluster.api, namespace)


def fared(fault: str, message: str = "", code: int | None = None) -> dict[str, Any]:
    """Return a service whose pods fare as told."""
    told = {FAULT: fault, MESSAGE: message}
    if code is not None:
        told[EXIT_CODE] = str(code)
    return service(annotations={key: value for key, value in told.items() if value})


def with_pod(**fields: Any) -> dict[str, Any]:
    """Return a service with these fields of its pod."""
    return service(predictor=predictor(**fields))


def asking(**resources: str) -> dict[str, Any]:
    """Return a service that asks for *resources*."""
    both = {"limits": resources, "requests": resources}
    model = predictor()["model"] | {"resources": both}
    return service(predictor={"model": model})


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "bad-key": (
        fared("init-crash", "StorageAccessDenied: s3://models/iris: 403", 4),
        "StorageAccessDenied",
        "s3://models/iris: 403",
    ),
    "no-bucket": (
        fared("init-crash", "StorageNotFound: s3://models does not exist", 3),
        "StorageNotFound",
        "s3://models does not exist",
    ),
    "store-silent": (
        fared("init-crash", "", 7),
        "StorageUnreachable",
        "container storage-initializer ended with exit code 7",
    ),
    "disk-full": (
        fared("init-crash", "StorageFull: no room", 8),
        "StorageFull",
        "no room",
    ),
    "corrupt": (
        fared("crash", "ModelCorrupt: model.pkl is cut off", 22),
        "ModelCorrupt",
        "model.pkl is cut off",
    ),
    "unsafe": (
        fared("crash", "ModelUnsafe: model.pkl is a pickle", 23),
        "ModelUnsafe",
        "model.pkl is a pickle",
    ),
    "wrong-version": (
        fared("crash", "ModelVersionMismatch: saved by 9.9", 24),
        "ModelVersionMismatch",
        "saved by 9.9",
    ),
    "no-model": (
        fared("crash", "ModelNotFound: no *.pkl", 21),
        "ModelNotFound",
        "no *.pkl",
    ),
    "no-warm-up": (
        fared("crash", "WarmUpFailed: it raises", 25),
        "WarmUpFailed",
        "it raises",
    ),
    "slow-load": (
        fared("crash", "LoadTimeout: not within 600 s", 27),
        "LoadTimeout",
        "not within 600 s",
    ),
    "crash-loop": (fared("crash", "", 3), "ReplicaCrashed", "ended with exit code 3"),
    "oom": (fared("oom"), "OutOfMemory", "it needs more than its limit"),
    "image": (
        fared("image-pull", "acme: not found"),
        "ImagePullFailed",
        "is not in its registry",
    ),
    "secret": (
        fared("config-error", 'secret "keys" not found'),
        "SecretNotFound",
        "there is no Secret 'keys'",
    ),
    "config-map": (
        fared("config-error", 'configmap "conf" not found'),
        "ConfigMapNotFound",
        "there is no ConfigMap 'conf'",
    ),
    "fetching": (fared("init-running"), "Downloading", "the model is being fetched"),
    "gpu": (asking(**{"nvidia.com/gpu": "1"}), "InsufficientGPU", "nvidia.com/gpu"),
    "cpu": (asking(cpu="9000"), "InsufficientResources", "no node has enough cpu free"),
    "selector": (
        with_pod(nodeSelector={"zone": "none"}),
        "Unschedulable",
        "no node takes the pod",
    ),
    "claim": (
        service(
            predictor={
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "storageUri": "pvc://models/iris",
                }
            }
        ),
        "VolumeNotFound",
        "there is no PersistentVolumeClaim 'models'",
    ),
    "account": (
        with_pod(serviceAccountName="reader"),
        "ServiceAccountNotFound",
        "there is no ServiceAccount 'reader'",
    ),
    "no-runtime": (
        service(
            predictor={
                "model": {
                    "modelFormat": {"name": "unheard-of"},
                    "storageUri": "s3://models/iris",
                }
            }
        ),
        "NoSupportingRuntime",
        "unheard-of",
    ),
    "runtime-missing": (
        service(
            predictor={"model": {**predictor()["model"], "runtime": "missing"}},
        ),
        "RuntimeNotRecognized",
        "missing",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_fault_has_its_reason_and_remedy(room: Room, name: str) -> None:
    """The reason comes within 30 s, with what is wrong and what to do."""
    document, reason, message = CASES[name]
    document = {**document, "metadata": {**document["metadata"], "name": name}}
    room.apply(document)

    found = said(room, name, reason)

    status = found["status"]
    assert message in status["message"]
    assert status["remedy"]
    assert conditions(found)["Ready"]["status"] != "True"
    waits = reason == "Downloading"
    assert status["phase"] == ("Loading" if waits else "Failed")
    room.api.delete(SERVICES, name, room.namespace)


def said(room: Room, name: str, reason: str) -> Any:
    """Wait until the status of a service has *reason*."""

    def found() -> Any:
        status = room.get(name).get("status") or {}
        return room.get(name) if status.get("reason") == reason else None

    try:
        return until(found, f"{name} to say {reason}", _SECONDS)
    except Exception as error:
        raise AssertionError(room.get(name).get("status")) from error


def test_a_namespace_without_room_says_which_quota(
    full_cluster: Cluster, new_controller: Callable[..., Any]
) -> None:
    namespace = full_cluster.namespace("quota")
    new_controller(full_cluster, watched=(namespace,), KUBERNETES__INGRESS="none")
    room = Room(full_cluster.api, namespace)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "0"}},
    }
    full_cluster.api.create(quota, namespace)
    until(
        lambda: (
            "hard"
            in (
                full_cluster.api.get("resourcequotas", "small", namespace).get("status")
                or {}
            )
        ),
        "the quota to hold",
    )
    room.apply(service())
    found = said(room, "iris", "QuotaExceeded")
    assert "small" in found["status"]["message"]


def test_a_namespace_whose_limits_refuse_the_pod_says_so(
    full_cluster: Cluster, new_controller: Callable[..., Any]
) -> None:
    namespace = full_cluster.namespace("limits")
    new_controller(full_cluster, watched=(namespace,), KUBERNETES__INGRESS="none")
    room = Room(full_cluster.api, namespace)
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "small"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "10Mi"}}]},
    }
    full_cluster.api.create(limits, namespace)
    room.apply(service())
    found = said(room, "iris", "PodRefused")
    assert "maximum memory usage per Container is 10Mi" in found["status"]["message"]


def test_only_events_tell_of_a_secret_that_cannot_be_mounted(room: Room) -> None:
    name = "mounts"
    document = fared("creating")
    document["metadata"]["name"] = name
    room.apply(document)
    pod = until(lambda: pods(room, name), "a pod")[0]
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "mounts.1"},
        "involvedObject": {
            "kind": "Pod",
            "name": pod["metadata"]["name"],
            "namespace": room.namespace,
            "uid": pod["metadata"]["uid"],
        },
        "reason": "FailedMount",
        "message": 'MountVolume.SetUp failed for volume "k" : secret "k" not found',
        "type": "Warning",
        "count": 1,
    }
    room.api.create(event, room.namespace)
    found = said(room, name, "SecretNotFound")
    assert found["status"]["message"] == "there is no Secret 'k'"
    room.api.delete(SERVICES, name, room.namespace)


def test_a_pod_that_was_evicted_is_told_until_its_successor_answers(
    room: Room, full_cluster: Cluster
) -> None:
    name = "evicted"
    document = fared("init-running")
    document["metadata"]["name"] = name
    room.apply(document)
    pod = until(lambda: pods(room, name), "a pod")[0]
    change = {
        "status": {
            "phase": "Failed",
            "reason": "Evicted",
            "message": "The node was low on resource: memory.",
        }
    }
    done = full_cluster.kubectl(
        "patch",
        "pod",
        pod["metadata"]["name"],
        "-n",
        room.namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps(change),
    )
    assert done.returncode == 0, done.stderr
    found = said(room, name, "Evicted")
    assert "low on resource: memory" in found["status"]["message"]
    room.api.delete(SERVICES, name, room.namespace)


def pods(room: Room, name: str) -> list[Any]:
    """Return the pods of a service."""
    selector = f"serving.kserve.io/inferenceservice={name}"
    found: list[Any] = room.api.list("pods", room.namespace, selector)
    return found


def test_a_new_revision_that_fails_leaves_the_old_one_ready(room: Room) -> None:
    """Ready stays True while the old pods answer; LatestRevisionReady says why."""
    name = "edited"
    document = service(name)
    room.apply(document)
    room.ready(name)
    broken = fared("crash", "ModelCorrupt: cut off", 22)
    broken["metadata"]["name"] = name
    broken["spec"]["predictor"] = predictor(path="broken")
    room.apply(broken)

    def failed() -> Any:
        found = conditions(room.get(name)).get("LatestRevisionReady", {})
        return found.get("reason") == "ModelCorrupt"

    until(failed, "the newest revision to fail", _SECONDS)
    found = room.get(name)
    assert conditions(found)["Ready"]["status"] == "True"
    shares = {each["name"]: each["percent"] for each in found["status"]["revisions"]}
    newest = found["status"]["inferry"]["history"]["created"]
    assert shares[newest] == 0
    assert 100 in shares.values()
    room.api.delete(SERVICES, name, room.namespace)


def test_kubectl_waits_for_ready(room: Room, full_cluster: Cluster) -> None:
    """`kubectl wait` and KServe's readers find the condition they look for."""
    room.apply(service("waited"))
    done = full_cluster.kubectl(
        "wait",
        "-n",
        room.namespace,
        "--for=condition=Ready",
        "isvc/waited",
        "--timeout=60s",
    )
    assert done.returncode == 0, done.stderr
    status = room.get("waited")["status"]
    assert status["observedGeneration"] == 1
    assert status["modelStatus"]["states"]["activeModelState"] == "Loaded"
    assert status["components"]["predictor"]["traffic"][0]["percent"] == 100
    assert status["clusterServingRuntimeName"] == "sklearn"
    room.api.delete(SERVICES, "waited", room.namespace)


def test_what_stands_still_is_not_written_again(room: Room) -> None:
    """A service that fails and goes on failing costs no more writes."""
    name = "still"
    document = fared("crash", "ModelCorrupt: cut off", 22)
    document["metadata"]["name"] = name
    room.apply(document)
    said(room, name, "ModelCorrupt")
    until(lambda: not written(room, name, 3), "the last thing that is news", 30)
    assert written(room, name, 5) == []
    room.api.delete(SERVICES, name, room.namespace)


def written(room: Room, name: str, seconds: float) -> list[Object]:
    """Return what is new in each status that is written within *seconds*."""
    before, news = room.get(name), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        after = room.get(name)
        if (
            after["metadata"]["resourceVersion"]
            != before["metadata"]["resourceVersion"]
        ):
            old = before["status"]
            new = {k: v for k, v in after["status"].items() if old.get(k) != v}
            news.append({"was": {key: old.get(key) for key in new}, "is": new})
            before = after
        time.sleep(0.05)
    return news
