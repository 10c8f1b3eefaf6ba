"""Health, metadata, metrics and documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry_server.states import Batching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from serving import Serve, SpecOf


LISTED = {"id": "m", "object": "model", "created": 0, "owned_by": "inferry"}
READY = [
    ("/", {"status": "alive"}),
    ("/v1/models", {"models": ["m"], "object": "list", "data": [LISTED]}),
    ("/v1/models/", {"models": ["m"], "object": "list", "data": [LISTED]}),
    ("/v1/models/m", {"name": "m", "ready": True}),
    ("/v2/health/live", {"live": True}),
    ("/v2/health/ready", {"ready": True}),
    ("/v2/models", {"models": ["m"]}),
    ("/v2/models/m/ready", {"name": "m", "ready": True}),
    ("/v2/models/m/versions/1/ready", {"name": "m", "ready": True}),
    (
        "/v2/models/m",
        {
            "name": "m",
            "versions": ["1"],
            "platform": "test",
            "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "sum", "datatype": "FP32", "shape": [-1]}],
        },
    ),
]


@pytest.fixture
async def iris(serve: Serve, spec: SpecOf) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(spec("Iris")) as (_, client):
        yield client


@pytest.mark.parametrize(("path", "body"), READY)
async def test_each_route_answers(iris: Any, path: str, body: Any) -> None:
    answer = await iris.get(path)
    assert (answer.status_code, answer.json()) == (200, body)
    assert (await iris.head(path)).status_code == 200


async def test_the_server_names_itself(iris: Any) -> None:
    body = (await iris.get("/v2")).json()
    assert body["name"] == "inferry"
    assert "binary_tensor_data" in body["extensions"]


async def test_the_repository_index_lists_states(iris: Any) -> None:
    answer = await iris.post("/v2/repository/index", json={})
    assert answer.json() == [
        {"name": "m", "version": "1", "state": "READY", "reason": ""}
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/models/x", 404),
        ("GET", "/v2/models/x", 404),
        ("GET", "/v2/models/x/ready", 404),
        ("GET", "/v2/models/m/versions/9", 404),
        ("GET", "/v2/models/m/config/x", 404),
        ("GET", "/v1/models/m:nothing", 404),
        ("GET", "/v2/models//infer", 404),
        ("POST", "/v1/models/x:predict", 404),
        ("POST", "/v2/models/x/infer", 404),
        ("POST", "/v2/repository/models/m/load", 403),
        ("POST", "/v2/repository/models/m/unload", 403),
        ("GET", "/v1/models/m:predict", 405),
        ("DELETE", "/v2/models/m/infer", 405),
        ("POST", "/v2/health/live", 405),
    ],
)
async def test_what_is_not_there_says_so(
    iris: Any, method: str, path: str, status: int
) -> None:
    answer = await iris.request(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert ("allow" in answer.headers) == (status == 405)


async def test_the_configuration_is_as_triton_writes_it(iris: Any) -> None:
    for path in ("/v2/models/m/config", "/v2/models/m/versions/1/config"):
        config = (await iris.get(path)).json()
        assert config["name"] == "m"
        assert config["platform"] == "test"
        assert config["max_batch_size"] == 0
        assert "dynamic_batching" not in config
        (given,), (taken,) = config["output"], config["input"]
        assert (taken["name"], taken["data_type"]) == ("input", "TYPE_FP32")
        assert taken["dims"] == [-1, 4]
        assert (given["data_type"], given["dims"]) == ("TYPE_FP32", [-1])


async def test_a_model_that_is_batched_has_no_first_dimension_in_its_configuration(
    serve: Serve, spec: SpecOf
) -> None:
    batching = Batching(max_size=16, max_delay=0.5)
    async with serve(spec("RowWise", batching=batching)) as (_, client):
        config = (await client.get("/v2/models/m/config")).json()
        assert config["max_batch_size"] == 16
        assert config["input"][0]["dims"] == [4]
        assert config["dynamic_batching"]["max_queue_delay_microseconds"] == 500_000
        metadata = (await client.get("/v2/models/m")).json()
        assert metadata["inputs"][0]["shape"] == [-1, 4]


async def test_texts_and_versions_of_a_configuration(
    serve: Serve, spec: SpecOf
) -> None:
    async with serve(spec("Pair")) as (_, client):
        config = (await client.get("/v2/models/m/config")).json()
        types = [tensor["data_type"] for tensor in config["input"]]
        assert types == ["TYPE_STRING", "TYPE_INT32"]
        assert config["version_policy"] == {"specific": {"versions": [1, 2]}}


async def test_statistics_rise_by_the_rows_of_a_request(iris: Any) -> None:
    async def counts(path: str = "/v2/models/m/stats") -> Any:
        (found,) = (await iris.get(path)).json()["model_stats"]
        return found

    before = await counts()
    assert (before["name"], before["version"]) == ("m", "1")
    assert (before["inference_count"], before["last_inference"]) == (0, 0)
    rows = {"instances": [[1, 2, 3, 4]] * 3}
    assert (await iris.post("/v1/models/m:predict", json=rows)).status_code == 200
    wrong = await iris.post("/v1/models/m:predict", json={"instances": [[1]]})
    assert wrong.status_code == 400
    for path in ("/v2/models/m/stats", "/v2/models/stats"):
        after = await counts(path)
        assert (after["inference_count"], after["execution_count"]) == (3, 1)
        assert after["last_inference"] > 1_600_000_000_000
        numbers = after["inference_stats"]
        assert numbers["success"]["count"] == 1
        assert numbers["fail"]["count"] == 1
        assert numbers["compute_infer"]["ns"] > 0
        (batch,) = after["batch_stats"]
        assert (batch["batch_size"], batch["compute_infer"]["count"]) == (3, 1)
    assert await counts("/v2/models/m/versions/1/stats") == after


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/models/x/stats", 404),
        ("/v2/models/x/config", 404),
        ("/v2/models/m/versions/9/stats", 404),
        ("/v2/models/m/versions/9/config", 404),
        ("/v2/models/m/config/", 200),
        ("/v2/models/%6D/config", 200),
        ("/v2/models/m%2Fx/config", 404),
        ("/v2/models/m/versions//config", 404),
    ],
)
async def test_paths_are_read_with_care(iris: Any, path: str, status: int) -> None:
    assert (await iris.get(path)).status_code == status


async def test_no_model_at_all_is_not_ready(serve: Serve) -> None:
    async with serve() as (_, client):
        answer = await client.get("/v2/health/ready")
        assert (answer.status_code, answer.json()) == (503, {"ready": False})
        assert (await client.get("/v2/health/live")).status_code == 200


async def test_a_failed_model_says_why(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Raises", options={"load": "load"})) as (_, client):
        answer = await client.get("/v2/models/m/ready")
        assert answer.status_code == 503
        body = answer.json()
        assert body["ready"] is False
        assert body["reason"] == "ModelCorrupt"
        assert body["message"] == "bad magic"
        assert body["remedy"] == "save it again"
        assert (await client.get("/v1/models/m")).status_code == 503
        assert (await client.get("/v2/health/ready")).status_code == 503
        answer = await client.post("/v1/models/m:predict", json={"instances": [1]})
        assert answer.status_code == 503
        assert "bad magic" in answer.json()["error"]


async def test_metrics_count_requests_by_model_protocol_and_code(iris: Any) -> None:
    await iris.post("/v1/models/m:predict", json={"instances": [[1, 2, 3, 4]]})
    await iris.post("/v1/models/m:predict", json={"instances": [[1, 2, 3]]})
    await iris.post("/v2/models/invented/infer", json={})
    await iris.get("/v2/models/invented/infer")
    text = (await iris.get("/metrics")).text
    for line in (
        'inferry_requests_total{code="200",model="m",protocol="v1"} 1.0',
        'inferry_requests_total{code="400",model="m",protocol="v1"} 1.0',
        'inferry_requests_total{code="404",model="",protocol="v2"} 1.0',
        'inferry_request_duration_seconds_count{model="m",protocol="v1"} 2.0',
        'inferry_requests_running{model="m"} 0.0',
        'inferry_requests_waiting{model="m"} 0.0',
        'inferry_model_state{model="m",phase="Ready"} 1.0',
        'inferry_model_load_duration_seconds{model="m"}',
        "process_resident_memory_bytes",
    ):
        assert line in text
    assert "invented" not in text


async def test_metrics_speak_openmetrics_when_asked(iris: Any) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = await iris.get("/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_the_schema_has_every_route(iris: Any) -> None:
    paths = (await iris.get("/openapi.json")).json()["paths"]
    assert "/v2/models/{model}/infer" in paths
    assert "/v1/models/{model}:predict" in paths
    assert (await iris.get("/docs")).status_code == 200


async def test_documentation_can_be_closed(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris"), docs=False) as (_, client):
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 404
