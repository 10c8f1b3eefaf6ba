"""A request travels Envoy, the HTTPRoute, its Service, an EndpointSlice and a server.

The pods are KWOK's, but their addresses are those of real model servers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from bed import kwok, servers, services
from bed.api import until
from bed.gateway import accepted
from bed.load import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bed.api import Object
    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.gateway import Gateway
    from bed.network import Addresses

FLOWER = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
PATH = "/v1/models/iris:predict"
#: What the three revisions answer, so that an answer tells which one it was.
CONSTANTS = (0, 1, 2)


@pytest.fixture(scope="module")
def revisions(full_cluster: Cluster, addresses: Addresses) -> Iterator[list[str]]:
    """Return the addresses of servers of one model each, which answers a constant."""
    folder = full_cluster.folder
    running = [
        servers.constant_server(addresses, folder, "iris", constant)
        for constant in CONSTANTS
    ]
    for server in running:
        server.wait_until_ready()
    yield [server.address for server in running]
    for server in running:
        server.process.stop()


def service(address: str, number: int, **predictor: object) -> Object:
    """Return the service whose pod has *address*; *number* makes it a new revision."""
    model = {
        "modelFormat": {"name": "sklearn"},
        "storageUri": f"s3://models/iris/{number}",
    }
    annotations = {kwok.POD_IP: address}
    return services.inference_service(
        "iris", {"model": model, "annotations": annotations, **predictor}
    )


def answer(constant: int) -> str:
    return json.dumps({"predictions": [constant]}, separators=(",", ":"))


def test_what_is_rendered_carries_a_request(
    gateway: Gateway,
    full_cluster: Cluster,
    namespace: str,
    revisions: list[str],
    tmp_path: Path,
) -> None:
    document = service(revisions[2], 0)
    document["metadata"]["namespace"] = namespace
    file = tmp_path / "service.yaml"
    file.write_text(yaml.safe_dump(document))
    rendered = subprocess.run(
        [sys.executable, "-m", "inferry", "render", str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    apply = ("apply", "--server-side", "-f", "-")
    done = full_cluster.kubectl(*apply, stdin=rendered.stdout)
    assert done.returncode == 0, done.stderr
    accepted(full_cluster, "iris", namespace)
    with gateway.client(services.host("iris", namespace)) as client:
        until(
            lambda: client.post(PATH, json=FLOWER).is_success,
            "an answer through Envoy",
        )
        assert client.post(PATH, json=FLOWER).json() == {"predictions": [2]}
        ready = client.get("/v2/models/iris/ready")
        assert ready.status_code == 200
        missing = client.post("/v1/models/rose:predict", json=FLOWER)
        assert missing.status_code == 404


def shown(gateway: Gateway, namespace: str, total: int = 1000) -> dict[int, int]:
    """Return how often each revision answers *total* requests; none may be lost."""
    url = f"{gateway.url}{PATH}"
    with Load(
        url, FLOWER, host=services.host("iris", namespace), total=total, rate=600
    ) as load:
        load.finish()
    assert load.lost == {}
    return {
        number: load.answers[text]
        for number in CONSTANTS
        if load.answers[text := answer(number)]
    }


def moved(gateway: Gateway, namespace: str, *, to: set[int]) -> None:
    """Wait until Envoy sends requests to the revisions *to* and no others."""
    until(lambda: set(shown(gateway, namespace, 60)) == to, f"traffic to move to {to}")


def test_a_canary_gets_its_share_and_none_is_lost(
    gateway: Gateway,
    full_cluster: Cluster,
    namespace: str,
    new_controller: Callable[..., Controller],
    revisions: list[str],
) -> None:
    new_controller(full_cluster, watched=(namespace,))
    api = full_cluster.api
    api.apply(service(revisions[0], 0), namespace)
    services.ready(api, "iris", namespace)
    moved(gateway, namespace, to={0})
    url = f"{gateway.url}{PATH}"
    with Load(
        url, FLOWER, host=services.host("iris", namespace), total=8000, rate=250
    ) as load:
        api.apply(service(revisions[1], 1, canaryTrafficPercent=10), namespace)
        services.ready(api, "iris", namespace)
        moved(gateway, namespace, to={0, 1})
        split = shown(gateway, namespace)
        assert 50 <= split[1] <= 150, split
        api.apply(service(revisions[1], 1, canaryTrafficPercent=50), namespace)
        services.ready(api, "iris", namespace)
        until(lambda: shown(gateway, namespace, 200)[1] > 60, "it to take effect")
        api.apply(service(revisions[1], 1), namespace)
        services.ready(api, "iris", namespace)
        moved(gateway, namespace, to={1})
        api.apply(service(revisions[2], 2, canaryTrafficPercent=10), namespace)
        services.ready(api, "iris", namespace)
        moved(gateway, namespace, to={1, 2})
        api.apply(service(revisions[2], 2, canaryTrafficPercent=0), namespace)
        moved(gateway, namespace, to={1})
    assert load.lost == {}
    assert load.answers.total() > 500
