"""The same YAML and the same requests, on a laptop and on a cluster: equal answers.

On the cluster a request travels Envoy, the HTTPRoute, its Service and the server of a
pod; on the laptop the gateway and the server of ``inferry run``.
"""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from bed import kwok, servers, services
from bed.api import until
from bed.controller import Controller, install
from running import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bed.api import Object
    from bed.cluster import Cluster
    from bed.gateway import Gateway
    from bed.network import Addresses
    from storage.servers import Store

NAMESPACE = "default"
ROW = [5.1, 3.5, 1.4, 0.2]
ROWS = [ROW, [6.7, 3.0, 5.2, 2.3]]
V1, V2 = "/v1/models/iris", "/v2/models/iris"
INFER = f"{V2}/infer"
#: The model's own input; the tests check that it is.
INPUT = "measurements"
JSON = {"Content-Type": "application/json"}
#: What two runs of the same server do not share.
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}|[0-9a-f]{16,}")

Case = tuple[str, str, bytes, dict[str, str]]


def post(path: str, body: Any, **headers: str) -> Case:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ("POST", path, content, JSON | headers)


def tensor(**changes: Any) -> dict[str, Any]:
    whole = {"name": INPUT, "datatype": "FP64", "shape": [1, 4], "data": ROW} | changes
    return {"inputs": [{key: value for key, value in whole.items() if value != ""}]}


def binary(rows: list[list[float]], claimed: int | None = None) -> Case:
    flat = [value for row in rows for value in row]
    raw = struct.pack(f"<{len(flat)}d", *flat)
    size = len(raw) if claimed is None else claimed
    parameters = {"binary_data_size": size}
    document = tensor(shape=[len(rows), 4], data="", parameters=parameters)
    head = json.dumps(document).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    return ("POST", INFER, head + raw, headers)


def _metadata() -> Iterator[Case]:
    """No path has two slashes side by side: Envoy makes one of them."""
    for path in (
        "/",
        "/v1/models",
        V1,
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        V2,
        f"{V2}/ready",
        f"{V2}/versions/1",
        f"{V2}/versions/1/ready",
        "/v2/models",
        "/v1/models/rose",
        "/v2/models/rose",
        "/v2/models/rose/ready",
        "/v2/repository/index",
        "/nothing/here",
        "/v3",
        f"{INFER}/",
        f"{V2}/nothing",
        "/v2/health/nothing",
        "/v1/models/iris/",
        "/%76%32",
    ):
        for method in ("GET", "HEAD"):
            yield (method, path, b"", {})
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in (INFER, f"{V1}:predict", V2):
            yield (method, path, b"", {})
    yield ("GET", INFER, b"", {})
    yield ("GET", f"{V1}:predict", b"", {})


def _v1() -> Iterator[Case]:
    for body in (
        {"instances": [ROW]},
        {"instances": ROWS},
        {"instances": [[5, 3, 1, 0]]},
        {"instances": [{"a": 1}]},
        {"instances": []},
        {"instances": ROW},
        {"instances": [[1, 2]]},
        {"instances": [ROW, [1]]},
        {"instances": [["a", "b", "c", "d"]]},
        {"instances": [[None, 1, 2, 3]]},
        {"instances": "text"},
        {"instances": None},
        {"instances": 5},
        {"inputs": [ROW]},
        {"inputs": ROWS},
        {},
        [],
        "text",
        5,
        None,
        b"",
        b"{",
        b"\xff\xfe",
        b'{"instances": [[NaN, 1, 2, 3]]}',
        b'{"instances": [[1e999, 1, 2, 3]]}',
        b"[" * 2000,
    ):
        yield post(f"{V1}:predict", body)
    yield post(f"{V1}:explain", {"instances": [ROW]})
    yield post(f"{V1}:nothing", {"instances": [ROW]})
    yield post("/v1/models/rose:predict", {"instances": [ROW]})
    text = json.dumps({"instances": [ROW]}).encode()
    for kind in ("text/plain", "application/xml", "application/json; charset=latin-1"):
        yield ("POST", f"{V1}:predict", text, {"Content-Type": kind})
    yield ("POST", f"{V1}:predict", text, {})


def _v2() -> Iterator[Case]:
    for changes in (
        {},
        {"shape": [2, 4], "data": ROWS},
        {"shape": [2, 4], "data": [*ROW, *ROW]},
        {"datatype": "FP32"},
        {"datatype": "INT64", "data": [5, 3, 1, 0]},
        {"datatype": "BYTES", "data": ["a", "b", "c", "d"]},
        {"datatype": "FP99"},
        {"datatype": ""},
        {"datatype": None},
        {"name": "other"},
        {"name": ""},
        {"name": 5},
        {"shape": [4]},
        {"shape": [1, 5]},
        {"shape": [-1, 4]},
        {"shape": [0, 4], "data": []},
        {"shape": "text"},
        {"shape": ""},
        {"shape": [1, 4, 1]},
        {"shape": [2**40, 4]},
        {"data": ""},
        {"data": []},
        {"data": "text"},
        {"data": [None, 1, 2, 3]},
        {"data": ["a", 1, 2, 3]},
        {"parameters": {"binary_data_size": 32}},
        {"parameters": 5},
        {"surplus": True},
    ):
        yield post(INFER, tensor(**changes))
    good = tensor()
    for more in (
        {"id": "mine"},
        {"id": 5},
        {"parameters": {"a": 1}},
        {"parameters": []},
        {"outputs": []},
        {"outputs": [{"name": "none"}]},
        {"outputs": 5},
        {"parameters": {"binary_data_output": True}, "id": "mine"},
    ):
        yield post(INFER, good | more)
    for body in ({}, {"inputs": []}, {"inputs": 5}, [], b"", b"{", b"\xff"):
        yield post(INFER, body)
    yield post(INFER, {"inputs": good["inputs"] * 2})
    yield post(f"{V2}/versions/1/infer", good)
    yield post("/v2/models/rose/infer", good)
    yield post(f"{V2}/generate", {"text_input": "a"})


def _binary() -> Iterator[Case]:
    yield binary([ROW])
    yield binary(ROWS)
    yield binary([ROW], claimed=31)
    yield binary([ROW], claimed=33)
    yield binary([ROW], claimed=-1)
    for length in ("0", "-1", "text", "999999"):
        method, path, body, headers = binary([ROW])
        headers |= {"Inference-Header-Content-Length": length}
        yield (method, path, body, headers)


CASES = (*_metadata(), *_v1(), *_v2(), *_binary())


@pytest.fixture(scope="module")
def document(seaweedfs: Store, iris_folder: Path, addresses: Addresses) -> Object:
    """Return the service, the same for both; the address is of its pod on KWOK."""
    model = (iris_folder / "model.skops").read_bytes()
    bucket = seaweedfs.filled({"iris/model.skops": model})
    uri = f"s3://{bucket}/iris"
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": uri}}
    annotations = {kwok.POD_IP: addresses.another()}
    return services.inference_service("iris", predictor, annotations=annotations)


@pytest.fixture(scope="module")
def local(
    document: Object, seaweedfs: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """Return a client of the service as this machine runs it."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "service.yaml").write_text(yaml.safe_dump(document))
    endpoints = {"INFERRY_STORAGE__ENDPOINTS": seaweedfs.url}
    running = Running(folder, ["service.yaml"], {**seaweedfs.values, **endpoints})
    running.wait("iris", "Ready")
    headers = {"Host": services.host("iris", NAMESPACE)}
    with httpx.Client(
        base_url=running.url, headers=headers, timeout=30, trust_env=False
    ) as client:
        yield client
    assert running.stop() == 0


@pytest.fixture(scope="module")
def remote(
    document: Object,
    full_cluster: Cluster,
    gateway: Gateway,
    addresses: Addresses,
    iris_folder: Path,
) -> Iterator[httpx.Client]:
    """Return a client of the service as the cluster runs it."""
    install(full_cluster)
    api = full_cluster.api
    api.apply(document, NAMESPACE)
    with Controller(full_cluster, watched=(NAMESPACE,), name="parity"):
        deployment = until(
            lambda: api.find("deployments", "iris-predictor", NAMESPACE),
            "the Deployment",
        )
        address = document["metadata"]["annotations"][kwok.POD_IP]
        server = servers.ModelServer(
            addresses,
            full_cluster.folder,
            "iris",
            *_arguments(deployment, iris_folder),
            address=address,
        )
        server.wait_until_ready()
        services.ready(api, "iris", NAMESPACE)
        with gateway.client(services.host("iris", NAMESPACE)) as client:
            until(lambda: client.get("/v2/health/ready").is_success, "the route")
            yield client
        server.process.stop()


def _arguments(deployment: Object, files: Path) -> list[str]:
    """Return what the container is started with, but for the place of its files."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    elsewhere = ("--model_dir", "--host", "--http_port", "--model_name")
    kept = [one for one in container["args"] if not one.startswith(elsewhere)]
    return [*kept, f"--model_dir={files}"]


def test_there_are_more_than_a_hundred_requests() -> None:
    assert len(CASES) > 100


@pytest.mark.parametrize("case", CASES, ids=[f"{c[0]} {c[1]}" for c in CASES])
def test_answers_are_the_same(
    local: httpx.Client, remote: httpx.Client, case: Case
) -> None:
    assert _shown(local, case) == _shown(remote, case)


def test_the_names_of_metrics_are_the_same(
    local: httpx.Client, remote: httpx.Client
) -> None:
    ours = _metrics(local.get("/metrics").text)
    assert ours
    assert ours == _metrics(remote.get("/metrics").text)


def _shown(client: httpx.Client, case: Case) -> tuple[int, str, str]:
    """Return what a caller goes by: the status, the type and the text of an answer."""
    method, path, body, headers = case
    answer = client.request(method, path, content=body, headers=headers)
    kind = answer.headers.get("Content-Type", "")
    return answer.status_code, kind, _VARYING.sub("*", repr(answer.content))


def _metrics(text: str) -> set[str]:
    lines = (line for line in text.splitlines() if line and line[0] != "#")
    return {re.split(r"[{ ]", line)[0] for line in lines}
