"""Requests that travel through Envoy to pods that run for real."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
from bed import services
from bed.api import until
from bed.load import Load, json_of, shares
from bed.node import REGISTRY
from site_services import EXAMPLES, FLOWER, RESOURCES, deploy, service
from tritonclient.grpc import service_pb2_grpc

from inferry.model import Tensor
from inferry.testing.protocol import clients

if TYPE_CHECKING:
    from bed.api import Object
    from bed.site import Site

pytestmark = pytest.mark.full

WINE = {"instances": [{"alcohol": 13.9, "proline": 1100}]}
COUNT = 1000
#: What the two models say of a flower.
OLD, NEW = 0, 2


@pytest.fixture(scope="module")
def wine(site: Site, home: str, bucket: str) -> str:
    """Return a service with the transformer of the examples, as its explainer, too."""
    code = (EXAMPLES / "transformer" / "wine.py").read_text()
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "wine"},
        "data": {"wine.py": code},
    }
    site.cluster.api.apply(config, home)
    document = service("wine", bucket, "sklearn-wine")
    document["spec"]["transformer"] = _in_front()
    document["spec"]["explainer"] = _in_front()
    return deploy(site, home, document)


def _in_front() -> Object:
    container = {
        "name": "kserve-container",
        "image": f"{REGISTRY}/inferry-runtime-sklearn:{version('inferry-controller')}",
        "args": ["--model_class=wine:Wine", "--predictor_protocol=v2"],
        # Where Python looks for modules, as it is started with -m.
        "workingDir": "/code",
        "resources": RESOURCES,
        "volumeMounts": [{"name": "code", "mountPath": "/code", "readOnly": True}],
    }
    code = {"name": "code", "configMap": {"name": "wine"}}
    return {"containers": [container], "volumes": [code], "minReplicas": 1}


def test_a_transformer_asks_its_predictor_by_the_name_of_a_service(
    site: Site, home: str, wine: str
) -> None:
    with site.gateway.client(services.host(wine, home)) as client:
        answer = client.post(f"/v1/models/{wine}:predict", json=WINE)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"predictions": ["Barolo"]}


def test_an_explainer_says_what_the_model_owes_to_each_measurement(
    site: Site, home: str, wine: str
) -> None:
    with site.gateway.client(services.host(wine, home)) as client:
        answer = client.post(f"/v1/models/{wine}:explain", json=WINE)
        assert answer.status_code == 200, answer.text
        assert "proline" in answer.text


def test_grpc_and_rest_give_one_answer_through_the_gateway(
    site: Site, home: str, bucket: str
) -> None:
    name = deploy(site, home, service("calls", bucket, "onnx"))
    host = services.host(name, home)
    rows = np.array([[5.1, 3.5, 1.4, 0.2]], np.float32)
    tensor = Tensor(name="measurements", datatype="FP32", data=rows)
    request = clients.message(name, [tensor], raw=True)
    options = [("grpc.default_authority", host), ("grpc.enable_http_proxy", 0)]
    address = site.gateway.url.removeprefix("http://")
    with grpc.insecure_channel(address, options) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        called = stub.ModelInfer(request, timeout=30)
    body = {
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": [1, 4],
                "data": rows.reshape(-1).tolist(),
            }
        ]
    }
    with site.gateway.client(host) as client:
        answered = client.post(f"/v2/models/{name}/infer", json=body).json()
    by_name = clients.tensors(called)
    assert list(by_name) == [output["name"] for output in answered["outputs"]]
    for output in answered["outputs"]:
        given = by_name[output["name"]].data.reshape(-1).tolist()
        if output["datatype"] == "BYTES":
            assert [text.decode() for text in given] == output["data"]
        else:
            assert given == pytest.approx(output["data"])


def test_a_canary_gets_its_share_and_then_everything(
    site: Site, home: str, bucket: str
) -> None:
    """90/10 over a thousand requests; none is lost while it is promoted."""
    name = deploy(site, home, service("split", bucket, "sklearn"))
    canary = service(name, bucket, "sklearn-other", canaryTrafficPercent=10)
    deploy(site, home, canary)
    until(lambda: _newest_share(site, home, name) == 10, "the canary's share", 120)
    with _load(site, home, name) as load:
        load.finish()
    assert load.lost == {}
    found = _numbers(load)
    assert found.keys() == {OLD, NEW}
    assert 0.06 < found[NEW] < 0.14
    with _load(site, home, name) as load:
        deploy(site, home, service(name, bucket, "sklearn-other"))
        load.finish()
    assert load.lost == {}
    with _load(site, home, name) as load:
        load.finish()
    assert _numbers(load) == {NEW: 1.0}


def _load(site: Site, home: str, name: str) -> Load:
    url = f"{site.gateway.url}/v1/models/{name}:predict"
    host = services.host(name, home)
    return Load(url, FLOWER, host=host, total=COUNT, rate=100, workers=4)


def _newest_share(site: Site, home: str, name: str) -> int | None:
    """What a service says that its newest revision gets, in percent."""
    found = site.cluster.api.get("inferenceservices", name, home)
    traffic = found["status"]["components"]["predictor"].get("traffic") or []
    return next((each["percent"] for each in traffic if each["latestRevision"]), None)


def _numbers(load: Load) -> dict[int, float]:
    """Which part of all answers each prediction has."""
    given = shares(load.answers).items()
    return {json_of(text)["predictions"][0]: share for text, share in given}
