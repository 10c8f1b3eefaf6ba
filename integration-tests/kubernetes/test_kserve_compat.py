"""What people move with from KServe: its SDK, their YAML, their other tools."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bed.controller import Controller, install
from controlled import SERVICES, Room, service
from environments import environment

from inferry.api import InferenceService, loads
from inferry.config import load_settings
from inferry.planning import Catalog, plan
from inferry.plugins import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bed.cluster import Cluster

#: The SDK; by itself, because nine tenths of what it needs are for its model server.
SDK = "kserve==0.21.0"
#: What its client needs; the rest comes with the Kubernetes client.
NEEDED = ("kubernetes==34.1.0", "requests==2.34.2", "six==1.17.0", "tabulate==0.10.0")
SCRIPT = Path(__file__).with_name("kserve_sdk.py")
#: KServe's own, but for their kind; what their pods hold is not looked at by KWOK.
RUNTIMES = Path(__file__).with_name("kserve_runtimes.yaml")


@pytest.fixture(scope="session")
def sdk() -> Callable[..., dict[str, Any]]:
    """Return what runs the script with KServe's SDK; its result."""
    python = environment("kserve-needs", *NEEDED) / "bin" / "python"
    alone = environment("kserve-sdk", SDK, dependencies=False)
    (packages,) = alone.glob("lib/python*/site-packages")

    def run(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [python, SCRIPT, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PYTHONPATH": str(packages)},
        )
        assert done.returncode == 0, done.stderr
        (line,) = (s for s in done.stdout.splitlines() if s.startswith("RESULT "))
        result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
        return result

    return run


@pytest.fixture(scope="module")
def room(full_cluster: Cluster) -> Iterator[Room]:
    """Return a namespace that a controller looks after."""
    install(full_cluster)
    namespace = full_cluster.namespace("moved")
    options = {"watched": (namespace,), "KUBERNETES__INGRESS": "none"}
    with Controller(full_cluster, name="moved", **options):
        yield Room(full_cluster.api, namespace)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Return KServe's runtimes, and what is installed here."""
    loaded = loads(RUNTIMES.read_text())
    loaded.raise_for_problems()
    runtimes = [each.document for each in loaded.documents]
    settings = load_settings(environ={})
    return Catalog.build(load_plugins("cli", settings), runtimes, settings)


def test_the_sdk_of_kserve_looks_after_a_service(
    room: Room, full_cluster: Cluster, sdk: Callable[..., dict[str, Any]]
) -> None:
    """It creates, waits, watches, patches, replaces, lists, deletes; reads the status.

    Its models hold all of our status but what they have no field for.
    """
    told = sdk(str(full_cluster.kubeconfig), room.namespace, "iris")

    generations = [told[each]["metadata"]["generation"] for each in _EDITS]
    assert generations == [1, 2, 3]
    assert all(told[each]["status"]["url"] for each in ("ready", "again"))
    assert told["listed"] == ["iris"]
    status = told["replaced_ready"]["status"]
    assert told["read"] == {k: v for k, v in status.items() if k not in _OURS}
    room.gone(SERVICES, "iris")
    room.gone("deployments", "iris-predictor")


#: What the SDK wrote, in its order.
_EDITS = ("created", "patched", "replaced")
#: Fields of our status that KServe's has not.
_OURS = {
    *("inferry", "message", "model", "phase", "reason", "remedy", "revisions"),
    *("runtime", "unhonoured"),
}
#: Every key of a predictor that stands for a format, with what serves it in KServe.
LEGACY = {
    "sklearn": "kserve-sklearnserver",
    "xgboost": "kserve-xgbserver",
    "lightgbm": "kserve-lgbserver",
    "pmml": "kserve-pmmlserver",
    "paddle": "kserve-paddleserver",
    "tensorflow": "kserve-tensorflow-serving",
    "pytorch": "kserve-torchserve",
    "triton": "kserve-tritonserver",
    "onnx": "kserve-tritonserver",
    "huggingface": "kserve-huggingfaceserver",
}


def test_every_legacy_key_is_served_by_the_runtime_that_kserve_takes(
    room: Room, kubectl: Callable[..., Any]
) -> None:
    """With KServe's own runtimes on the cluster; nothing rewrites the document."""
    for each in yaml.safe_load_all(RUNTIMES.read_text()):
        room.api.apply({**each, "kind": "ServingRuntime"}, room.namespace)
    documents = [
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": key, "namespace": room.namespace},
            "spec": {"predictor": {key: {"storageUri": "s3://models/m"}}},
        }
        for key in LEGACY
    ]
    done = kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
    assert done.returncode == 0, done.stderr

    chosen = {}
    for key in LEGACY:
        status = room.ready(key, 60)["status"]
        chosen[key] = status["servingRuntimeName"]
        assert room.get(key)["spec"] == {
            "predictor": {key: {"storageUri": "s3://models/m"}}
        }
    assert chosen == LEGACY


#: A format, its version, a protocol -> the runtime of KServe's that serves it there.
CHOICES = {
    ("sklearn", None, None): "kserve-sklearnserver",
    ("sklearn", "1", "v1"): "kserve-sklearnserver",
    ("sklearn", "1", "v2"): "kserve-mlserver",
    ("xgboost", None, None): "kserve-xgbserver",
    ("xgboost", None, "v2"): "kserve-mlserver",
    ("lightgbm", None, "v1"): "kserve-lgbserver",
    ("lightgbm", None, "v2"): "kserve-mlserver",
    ("mlflow", None, "v2"): "kserve-mlserver",
    ("tensorflow", None, None): "kserve-tensorflow-serving",
    ("tensorflow", "2", "grpc-v1"): "kserve-tensorflow-serving",
    ("tensorflow", None, "v2"): "kserve-tritonserver",
    ("tensorflow", None, "grpc-v2"): "kserve-tritonserver",
    ("pytorch", None, None): "kserve-torchserve",
    ("pytorch", "1", "v2"): "kserve-torchserve",
    ("onnx", None, "v2"): "kserve-tritonserver",
    ("triton", None, None): "kserve-tritonserver",
    ("huggingface", None, None): "kserve-huggingfaceserver",
    ("vLLM", None, None): "kserve-vllmserver",
}
#: What finds none in KServe, which takes a protocol that is not named for v1.
FOUND_HERE_ALONE = {
    ("sklearn", "0", None): "kserve-mlserver",
    ("mlflow", None, None): "kserve-mlserver",
    ("onnx", None, None): "kserve-tritonserver",
    ("tensorrt", None, None): "kserve-tritonserver",
}


@pytest.mark.parametrize(
    ("asked", "expected"), [*CHOICES.items(), *FOUND_HERE_ALONE.items()], ids=str
)
def test_kserves_runtimes_are_chosen_as_kserve_chooses(
    catalog: Catalog, asked: tuple[str, str | None, str | None], expected: str
) -> None:
    """By scope, protocol, format, version and priority; plugins come after them."""
    name, version, protocol = asked
    wanted = {"name": name} | ({"version": version} if version else {})
    model: dict[str, Any] = {"modelFormat": wanted, "storageUri": "s3://models/m"}
    if protocol:
        model["protocolVersion"] = protocol
    document = service(predictor={"model": model})
    loaded = loads(yaml.safe_dump(document))
    loaded.raise_for_problems()
    isvc = loaded.documents[0].document
    assert isinstance(isvc, InferenceService)
    made = plan(isvc, catalog, backend="kubernetes")

    component = made.revisions[0].component("predictor")
    assert component is not None
    assert component.runtime is not None
    assert component.runtime.name == expected


def test_the_controller_writes_the_status_alone(room: Room) -> None:
    """What Argo CD and Flux compare, spec and metadata, is only what people wrote."""
    made = room.apply(service("alone", annotations={"team": "blue"}))
    room.apply(service("alone", "other", annotations={"team": "blue"}))
    after = room.rolled("alone")

    theirs = [each for each in after["metadata"]["managedFields"] if _ours(each)]
    assert {each.get("subresource") for each in theirs} == {"status"}
    assert all(list(each["fieldsV1"]) == ["f:status"] for each in theirs)
    before = {**service(path="other")["spec"]}
    assert after["spec"] == before
    kept = {key: after["metadata"].get(key) for key in _WRITTEN}
    assert kept == {key: made["metadata"].get(key) for key in _WRITTEN}


#: What of the metadata somebody could write beside the user.
_WRITTEN = ("annotations", "labels", "finalizers", "ownerReferences")


def _ours(entry: dict[str, Any]) -> bool:
    return str(entry["manager"]).startswith("inferry")


def test_tools_edit_one_service_in_turn(
    room: Room, kubectl: Callable[..., Any]
) -> None:
    """Client-side apply, patches, edits by hand, server-side apply: no conflict.

    None of them meets the controller; they meet each other as on any object.
    """
    first = service("edited", annotations={"team": "blue"})
    first["metadata"]["namespace"] = room.namespace
    where = ("-n", room.namespace)

    def run(*words: str, document: dict[str, Any] | None = None) -> str:
        done = kubectl(*words, *where, stdin=json.dumps(document or {}))
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    run("apply", "-f", "-", document=first)
    room.ready("edited")
    scale = json.dumps({"spec": {"predictor": {"minReplicas": 2}}})
    run("patch", "isvc", "edited", "--type", "merge", "-p", scale)
    run("annotate", "isvc", "edited", "note=mine")
    assert room.ready("edited")["spec"]["predictor"]["minReplicas"] == 2

    # Three-way: what was applied goes, what others wrote stays.
    second = copy.deepcopy(first)
    second["metadata"]["annotations"] = {"owner": "ops"}
    second["spec"]["predictor"]["timeout"] = 30
    run("apply", "-f", "-", document=second)
    after = room.ready("edited")
    notes = after["metadata"]["annotations"]
    assert {key: notes.get(key) for key in ("team", "owner", "note")} == {
        "team": None,
        "owner": "ops",
        "note": "mine",
    }
    assert after["spec"]["predictor"]["minReplicas"] == 2
    assert "unchanged" in run("apply", "-f", "-", document=second)

    edited = copy.deepcopy(after)
    edited["spec"]["predictor"]["minReplicas"] = 1
    # Without a version kubectl takes the live one: a status may be written any time.
    del edited["metadata"]["resourceVersion"]
    run("replace", "-f", "-", document=edited)

    forced = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    run(*forced, document=second)
    version = room.ready("edited")["metadata"]["generation"]
    run(*forced, document=second)
    assert room.get("edited")["metadata"]["generation"] == version
    diff = kubectl("diff", "--server-side", *where, "-f", "-", stdin=json.dumps(second))
    assert not diff.stdout, diff.stdout
    deployment = room.api.get("deployments", "edited-predictor", room.namespace)
    assert deployment["spec"]["replicas"] == 1
