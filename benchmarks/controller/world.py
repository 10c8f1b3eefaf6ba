"""A real API server with our controller beside it, measured from outside."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bed import binaries, definitions
from bed.cluster import Cluster
from bed.controller import Controller, install
from data_plane.rounds import say

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = "inferenceservices"
NAMESPACE = "default"
_SERVER = "kube-apiserver"
_CALLS = "rest_client_requests_total"
_PASSES = "controller_runtime_reconcile_total"


@contextlib.contextmanager
def cluster(*, nodes: int | None) -> Iterator[Cluster]:
    """Yield a cluster of our kinds; with *nodes* its Deployments get pods by KWOK."""
    folder = Path(tempfile.mkdtemp(prefix="inferry-bench-"))
    say(f"starting an API server{' and KWOK' if nodes else ''}")
    try:
        with Cluster(
            folder,
            lambda name: binaries.binary(name, say),
            nodes=nodes,
            definitions=definitions.ours(),
        ) as running:
            install(running)
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def started(running: Cluster) -> Controller:
    """Return our controller; with Ingresses, which nobody has to accept."""
    return Controller(running, watched=(), KUBERNETES__INGRESS="ingress")


def pace() -> float:
    """Return the milliseconds of CPU that a fixed loop takes on this machine now."""
    begun, total = time.process_time(), 0
    for each in range(1_000_000):
        total += each * each
    return (time.process_time() - begun) * 1e3


def passes(controller: Controller) -> float:
    """Return how many passes over services it has done."""
    return sum(
        value
        for name, value in controller.metrics().items()
        if name.startswith(_PASSES) and 'controller="inferenceservice"' in name
    )


def calls(controller: Controller) -> float:
    """Return how many calls it has made, lists and watches among them."""
    found = controller.metrics()
    return sum(value for name, value in found.items() if name.startswith(_CALLS))


def writes(controller: Controller) -> float:
    """Return how many of its calls were no reads."""
    return sum(
        value
        for name, value in controller.metrics().items()
        if name.startswith(_CALLS) and 'method="GET"' not in name
    )


def server_cpu(running: Cluster) -> float:
    """Return the seconds of CPU that the API server has used."""
    return running.usage()[_SERVER].cpu


def quiet(controller: Controller, seconds: float = 120) -> None:
    """Wait until the controller has nothing to do any more."""
    end, before = time.monotonic() + seconds, -1.0
    while time.monotonic() < end:
        now = controller.usage.cpu
        if now - before < 0.02:
            return
        before = now
        time.sleep(1)


def service(name: str, path: str = "a") -> dict[str, Any]:
    """Return a service of one model."""
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"s3://models/{path}"}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"predictor": {"model": model}},
    }
