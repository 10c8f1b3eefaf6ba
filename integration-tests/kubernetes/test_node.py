"""Pods that run for real: containers, probes, credentials, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bed import services
from bed.api import until
from bed.site import ACCOUNT

if TYPE_CHECKING:
    from bed.api import Object
    from bed.site import Site

FLOWER = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
ROW = {
    "inputs": [
        {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [5, 3, 1, 0]}
    ]
}
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


@pytest.mark.parametrize("format_", ["sklearn", "onnx"])
def test_an_example_runs_in_a_restricted_pod_and_answers(
    site: Site, bucket: str, format_: str
) -> None:
    namespace = site.namespace()
    api = site.cluster.api
    name = f"iris-{format_}"
    api.apply(service(site, bucket, format_), namespace)
    services.ready(api, name, namespace, 120)
    with site.gateway.client(services.host(name, namespace)) as client:
        until(
            lambda: client.get(f"/v2/models/{name}/ready").is_success,
            "the model behind Envoy",
        )
        metadata = client.get(f"/v2/models/{name}").json()
        assert metadata["name"] == name
        if format_ == "sklearn":
            answer = client.post(f"/v1/models/{name}:predict", json=FLOWER)
            assert answer.json() == {"predictions": [0]}
