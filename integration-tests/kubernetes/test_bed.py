"""The cluster that the other tests of this folder trust."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bed import kwok
from bed.api import ApiError, conditions, is_true, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    from bed.api import Api, Object
    from bed.cluster import Cluster

POD = {"containers": [{"name": "main", "image": "none"}]}


def deployment(name: str, **annotations: str) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": POD}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def test_a_server_tells_its_version(
    cluster: Cluster, kubectl: Callable[..., CompletedProcess[str]]
) -> None:
    done = kubectl("version", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert '"gitVersion": "v1.36.3"' in done.stdout


def test_our_kinds_and_routes_are_served(cluster: Cluster, namespace: str) -> None:
    assert cluster.api.list("inferenceservices", namespace) == []
    assert cluster.api.list("httproutes", namespace) == []


def test_a_user_has_only_the_rights_of_its_groups(
    cluster: Cluster, namespace: str
) -> None:
    nobody = cluster.api_of(cluster.user("alice", "dev"))
    with pytest.raises(ApiError) as refused:
        nobody.list("configmaps", namespace)
    assert refused.value.status == 403


def test_a_watch_of_an_old_version_expires_after_a_restart(
    cluster: Cluster, namespace: str
) -> None:
    path = cluster.api.path("configmaps", "", namespace)
    old = cluster.api.request("GET", path)["metadata"]["resourceVersion"]
    labels = {"metadata": {"labels": {"a": "b"}}}
    cluster.api.patch("namespaces", namespace, "", labels)
    cluster.restart("kube-apiserver")
    query = f"{path}?watch=1&resourceVersion={old}"
    until(
        lambda: '"code":410' in _first_line(cluster.api, query), "410 of an old watch"
    )


def _first_line(api: Api, query: str) -> str:
    with api.http.stream("GET", query, timeout=3) as answer:
        if answer.status_code != 200:
            return ""
        return next(answer.iter_lines())


def test_pods_of_a_deployment_become_ready(
    full_cluster: Cluster, namespace: str
) -> None:
    api = full_cluster.api
    api.apply(deployment("one"), namespace)
    until(
        lambda: is_true(api.get("deployments", "one", namespace), "Available"),
        "the Deployment",
    )
    (pod,) = api.list("pods", namespace)
    assert pod["status"]["podIP"].startswith("10.244.")


def test_a_service_gets_the_address_that_a_pod_names(
    full_cluster: Cluster, namespace: str
) -> None:
    api = full_cluster.api
    api.apply(deployment("two", **{kwok.POD_IP: "10.99.9.9"}), namespace)
    spec = {"selector": {"app": "two"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "two"}}
    api.apply(service | {"spec": spec}, namespace)
    found = until(
        lambda: [
            endpoint["addresses"]
            for item in api.list("endpointslices", namespace)
            for endpoint in item.get("endpoints") or ()
        ],
        "an endpoint",
    )
    assert found == [["10.99.9.9"]]


@pytest.mark.parametrize(
    ("fault", "phase", "reason"),
    [
        ("never-ready", "Running", ""),
        ("creating", "Pending", "ContainerCreating"),
        ("image-pull", "Pending", "ImagePullBackOff"),
        ("config-error", "Pending", "CreateContainerConfigError"),
        ("crash", "Running", "CrashLoopBackOff"),
        ("oom", "Running", "CrashLoopBackOff"),
        ("init-crash", "Pending", "PodInitializing"),
        ("init-running", "Pending", "PodInitializing"),
    ],
)
def test_a_pod_fares_as_its_annotation_says(
    full_cluster: Cluster, namespace: str, fault: str, phase: str, reason: str
) -> None:
    api = full_cluster.api
    document = deployment("bad", **{kwok.FAULT: fault, kwok.MESSAGE: "Why: so"})
    init = [{"name": "first", "image": "none"}, {"name": "next", "image": "none"}]
    document["spec"]["template"]["spec"] = POD | {"initContainers": init}
    api.apply(document, namespace)
    (pod,) = until(
        lambda: [
            found
            for found in api.list("pods", namespace)
            if conditions(found).get("Ready")
        ],
        "the pod",
    )
    (state,) = pod["status"]["containerStatuses"]
    waiting = state["state"].get("waiting", {})
    assert (pod["status"]["phase"], waiting.get("reason", "")) == (phase, reason)
    assert not is_true(pod, "Ready")
    if fault in {"crash", "oom"}:
        ended = state["lastState"]["terminated"]
        assert ended["message"] == "Why: so"
        assert ended["reason"] == ("OOMKilled" if fault == "oom" else "Error")
    if fault == "init-crash":
        first = pod["status"]["initContainerStatuses"][0]
        assert first["lastState"]["terminated"]["message"] == "Why: so"


def test_a_pod_becomes_ready_as_late_as_it_says(
    full_cluster: Cluster, namespace: str
) -> None:
    api = full_cluster.api
    began = time.monotonic()
    api.apply(deployment("late", **{kwok.DELAY: "1500ms"}), namespace)
    until(lambda: is_true(api.get("deployments", "late", namespace), "Available"), "it")
    assert 1.4 < time.monotonic() - began < 10


def test_what_an_object_owns_goes_with_it(
    full_cluster: Cluster, namespace: str
) -> None:
    api = full_cluster.api
    owner = api.create(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "iris"},
            "spec": {"predictor": {"model": {"modelFormat": {"name": "onnx"}}}},
        },
        namespace,
    )
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": "iris",
        "uid": owner["metadata"]["uid"],
    }
    document = deployment("owned")
    document["metadata"]["ownerReferences"] = [reference]
    api.apply(document, namespace)
    api.delete("inferenceservices", "iris", namespace)
    until(lambda: not api.list("deployments", namespace), "the Deployment to go", 10)
    until(lambda: not api.list("pods", namespace), "its pods to go", 10)


def test_usage_tells_cpu_and_memory_of_each_program(full_cluster: Cluster) -> None:
    usage = full_cluster.usage()
    assert set(usage) == {
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kwok",
    }
    assert all(used.cpu > 0 and used.memory > 1 << 20 for used in usage.values())


def test_a_killed_test_run_leaves_nothing(
    programs: Callable[[str], Path], tmp_path: Path
) -> None:
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from bed.cluster import Cluster
cluster = Cluster(Path({str(tmp_path / "bed")!r}), {{
    "etcd": Path({str(programs("etcd"))!r}),
    "kube-apiserver": Path({str(programs("kube-apiserver"))!r}),
}}.__getitem__)
print(*(process.pid for process in cluster.processes.values()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False
    )
    pids = done.stdout.split()
    assert len(pids) == 2
    for pid in pids:
        until(lambda pid=pid: not Path("/proc", pid).exists(), f"the end of {pid}", 5)
    until(lambda: not (tmp_path / "bed").exists(), "its folder to go", 5)
