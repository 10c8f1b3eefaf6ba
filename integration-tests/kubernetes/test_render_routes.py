"""Rendered HTTPRoutes in a real Gateway: every host and path leads where it says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from bed import kwok, servers
from bed.api import until
from bed.gateway import accepted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bed.cluster import Cluster
    from bed.gateway import Gateway
    from bed.network import Addresses

FLOWER = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
PATH = "/v1/models/iris:predict"
#: What the server of each component answers.
PREDICTOR, TRANSFORMER, EXPLAINER = 0, 1, 2
DOMAIN = "shared.example.org"


@pytest.fixture(scope="module")
def components(full_cluster: Cluster, addresses: Addresses) -> Iterator[list[str]]:
    """Return the addresses of three servers that answer a number of their own."""
    folder = full_cluster.folder
    running = [
        servers.constant_server(addresses, folder, "iris", constant)
        for constant in (PREDICTOR, TRANSFORMER, EXPLAINER)
    ]
    for server in running:
        server.wait_until_ready()
    yield [server.address for server in running]
    for server in running:
        server.process.stop()


def _service(namespace: str, addresses: list[str]) -> str:
    def at(component: int) -> dict[str, str]:
        return {kwok.POD_IP: addresses[component]}

    container = {"name": "kserve-container", "image": "acme/own"}
    document = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris", "namespace": namespace},
        "spec": {
            "predictor": {
                "annotations": at(PREDICTOR),
                "model": {
                    "modelFormat": {"name": "onnx"},
                    "storageUri": "s3://bucket/iris",
                },
            },
            "transformer": {"annotations": at(TRANSFORMER), "containers": [container]},
            "explainer": {"annotations": at(EXPLAINER), "containers": [container]},
        },
    }
    return json.dumps(document)


def test_every_host_and_the_shared_path_lead_to_their_component(
    gateway: Gateway, full_cluster: Cluster, namespace: str, components: list[str]
) -> None:
    """As KServe's hosts say; the shared host has that path, and no other."""
    settings = (
        f"--set=ingress.domain={DOMAIN}",
        "--set=kubernetes.path_template=/serving/{namespace}/{name}",
    )
    rendered = subprocess.run(
        [sys.executable, "-m", "inferry", *settings, "render", "-"],
        input=_service(namespace, components),
        capture_output=True,
        text=True,
        check=True,
    )
    done = full_cluster.kubectl("apply", "-f", "-", stdin=rendered.stdout)
    assert done.returncode == 0, done.stderr
    for name in ("iris", "iris-predictor", "iris-explainer", "iris-path"):
        accepted(full_cluster, name, namespace)
    below = f"{namespace}.{DOMAIN}"
    leads = {
        f"iris-{below}": TRANSFORMER,
        f"iris-transformer-{below}": TRANSFORMER,
        f"iris-predictor-{below}": PREDICTOR,
        f"iris-explainer-{below}": EXPLAINER,
    }
    for host, constant in leads.items():
        _answers(gateway, host, PATH, constant)
    _answers(gateway, DOMAIN, f"/serving/{namespace}/iris{PATH}", TRANSFORMER)
    with gateway.client(DOMAIN) as client:
        assert client.post(PATH, json=FLOWER).status_code == 404
        elsewhere = client.post(f"/serving/{namespace}/irises{PATH}", json=FLOWER)
        assert elsewhere.status_code == 404


def _answers(gateway: Gateway, host: str, path: str, constant: int) -> None:
    with gateway.client(host) as client:
        until(
            lambda: client.post(path, json=FLOWER).is_success,
            f"an answer of {host}{path}",
        )
        assert client.post(path, json=FLOWER).json() == {"predictions": [constant]}
