"""V1 and V2 over a real connection."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest

if TYPE_CHECKING:
    from serving import Serve, SpecOf

    from inferry.model import InferRequest


ROW = {"name": "input", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
ANSWER = {
    "model_name": "m",
    "model_version": "1",
    "outputs": [{"name": "sum", "datatype": "FP32", "shape": [1], "data": [10.0]}],
}


async def test_v2_answers(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post("/v2/models/m/infer", json={"inputs": [ROW]})
        assert (answer.status_code, answer.json()) == (200, ANSWER)
        assert answer.headers["content-type"] == "application/json"
        assert "inference-header-content-length" not in answer.headers


async def test_a_model_may_check_its_inputs_itself(serve: Serve, spec: SpecOf) -> None:
    other = ROW | {"datatype": "FP64", "name": "other"}
    for name, status in (("Iris", 400), ("ChecksInputs", 200)):
        async with serve(spec(name)) as (_, client):
            answer = await client.post("/v2/models/m/infer", json={"inputs": [other]})
            assert answer.status_code == status, answer.text


async def test_v1_answers(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        body = {"instances": [[1, 2, 3, 4], [0, 0, 0, 1]]}
        answer = await client.post("/v1/models/m:predict", json=body)
        assert (answer.status_code, answer.json()) == (
            200,
            {"predictions": [10.0, 1.0]},
        )


@pytest.mark.parametrize(
    "content_type",
    [None, "application/json; charset=utf-8", "text/plain", "application/octet-stream"],
)
async def test_any_content_type_is_json_without_the_length_header(
    serve: Serve, spec: SpecOf, content_type: Any
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    async with serve(spec("Iris")) as (_, client):
        for path, body in (
            ("/v2/models/m/infer", {"inputs": [ROW]}),
            ("/v1/models/m:predict", {"instances": [[1, 2, 3, 4]]}),
        ):
            request = client.build_request("POST", path, content=json.dumps(body))
            request.headers.update(headers)
            assert (await client.send(request)).status_code == 200


async def test_binary_goes_in_and_out(serve: Serve, spec: SpecOf) -> None:
    array = np.arange(1000, dtype=np.float32).reshape(10, 100)
    async with serve(spec("Echo")) as (_, client):
        answer = await client.post("/v2/models/m/infer", **binary(array))
        length = int(answer.headers["inference-header-content-length"])
        head = orjson.loads(answer.content[:length])
        assert head["outputs"][0]["parameters"] == {"binary_data_size": 4000}
        assert head["outputs"][0]["shape"] == [10, 100]
        assert answer.content[length:] == array.tobytes()
        assert answer.headers["content-type"] == "application/octet-stream"


async def test_large_bodies_go_both_ways(serve: Serve, spec: SpecOf) -> None:
    array = np.random.default_rng(0).random((1000, 1000), np.float32)
    async with serve(spec("Echo")) as (_, client):
        answer = await client.post("/v2/models/m/infer", **binary(array))
        length = int(answer.headers["inference-header-content-length"])
        assert answer.content[length:] == array.tobytes()
        item = {"name": "x", "datatype": "FP32", "shape": [1000, 1000]}
        body = {"inputs": [item | {"data": array.reshape(-1).tolist()}]}
        answer = await client.post("/v2/models/m/infer", json=body)
        data = np.array(answer.json()["outputs"][0]["data"], np.float32)
        assert data.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("identity", bytes),
    ],
)
async def test_compressed_bodies_are_inflated(
    serve: Serve, spec: SpecOf, encoding: str, compress: Any
) -> None:
    body = compress(json.dumps({"inputs": [ROW]}).encode())
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post(
            "/v2/models/m/infer", content=body, headers={"content-encoding": encoding}
        )
        assert (answer.status_code, answer.json()) == (200, ANSWER)


async def test_the_version_in_the_path_is_checked_and_echoed(
    serve: Serve, spec: SpecOf
) -> None:
    inputs = [
        {"name": "size", "datatype": "INT32", "shape": [1, 1], "data": [1]},
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]},
    ]
    async with serve(spec("Pair")) as (_, client):
        answer = await client.post(
            "/v2/models/m/versions/1/infer", json={"inputs": inputs}
        )
        assert answer.json()["model_version"] == "1"
        names = [output["name"] for output in answer.json()["outputs"]]
        assert names == ["text", "size"]
        answer = await client.post(
            "/v2/models/m/versions/3/infer", json={"inputs": inputs}
        )
        assert answer.status_code == 404
        assert answer.json() == {"error": "model 'm' has no version '3'; it has 1, 2"}


async def test_only_the_outputs_asked_for_come_in_the_order_asked_for(
    serve: Serve, spec: SpecOf
) -> None:
    inputs = [
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]},
        {"name": "size", "datatype": "INT32", "shape": [1, 1], "data": [1]},
    ]
    async with serve(spec("Pair"), spec("Echo", name="echo")) as (_, client):
        for model in ("m", "echo"):
            body = {"inputs": inputs, "outputs": [{"name": "size"}, {"name": "text"}]}
            answer = await client.post(f"/v2/models/{model}/infer", json=body)
            names = [output["name"] for output in answer.json()["outputs"]]
            assert names == ["size", "text"]
            body["outputs"] = [{"name": "zz"}]
            answer = await client.post(f"/v2/models/{model}/infer", json=body)
            assert answer.status_code == 400
            assert "no output 'zz'; expected 'text', 'size'" in answer.json()["error"]


async def test_explain_and_its_absence(serve: Serve, spec: SpecOf) -> None:
    rows = {"instances": [{"text": "a", "size": [1]}]}
    async with serve(spec("Pair"), spec("Iris", name="iris")) as (_, client):
        answer = await client.post("/v1/models/m:explain", json=rows)
        assert answer.json() == {"explanations": ["a"]}
        rows = {"instances": [[1, 2, 3, 4]]}
        answer = await client.post("/v1/models/iris:explain", json=rows)
        assert answer.status_code == 501
        assert answer.json() == {
            "error": "model 'iris' has no explain; write that method in its class, or "
            "put an explainer in front of it"
        }


async def test_a_model_may_take_the_raw_body_of_v1(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("RawV1")) as (_, client):
        answer = await client.post("/v1/models/m:predict", json={"any": [1, "x"]})
        assert answer.json() == {"predictions": [{"any": [1, "x"]}]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"", "empty"),
        (b'{"inputs": []}', "missing input 'input'"),
        (json.dumps({"inputs": [ROW | {"name": "x"}]}).encode(), "expected 'input'"),
        (
            json.dumps({"inputs": [ROW | {"datatype": "FP64"}]}).encode(),
            "expected FP32",
        ),
        (json.dumps({"inputs": [ROW | {"shape": [4]}]}).encode(), "expected [-1, 4]"),
        (json.dumps({"inputs": [ROW | {"shape": [10**15, 4]}]}).encode(), "too large"),
    ],
)
async def test_a_wrong_request_is_a_400_that_says_what_is_wrong(
    serve: Serve, spec: SpecOf, body: Any, message: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post("/v2/models/m/infer", content=body)
        assert answer.status_code == 400
        assert list(answer.json()) == ["error"]
        assert message in answer.json()["error"]


@pytest.mark.parametrize(
    ("length", "message"),
    [
        ("x", "'x', expected a number"),
        ("-1", "expected a number"),
        ("9999", "9999, but"),
    ],
)
async def test_a_wrong_length_header_is_a_400(
    serve: Serve, spec: SpecOf, length: str, message: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post(
            "/v2/models/m/infer",
            content=b"{}",
            headers={"inference-header-content-length": length},
        )
        assert answer.status_code == 400
        assert message in answer.json()["error"]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("input", (400, "input 'x' is not what I want")),
        ("value", (500, "internal error, id ")),
        ("memory", (500, "internal error, id ")),
        ("exit", (500, "internal error, id ")),
        ("stop", (500, "internal error, id ")),
    ],
)
async def test_what_a_model_raises_has_its_status_and_no_internals(
    serve: Serve,
    spec: SpecOf,
    caplog: pytest.LogCaptureFixture,
    what: str,
    expected: tuple[int, str],
) -> None:
    status, message = expected
    item = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
    async with serve(spec("Raises", options={"predict": what})) as (_, client):
        for _ in range(2):
            answer = await client.post("/v2/models/m/infer", json={"inputs": [item]})
            assert answer.status_code == status
            assert message in answer.json()["error"]
            assert "secret" not in answer.text
        if status == 500:
            identity = answer.json()["error"].split("id ")[1].split(":")[0]
            assert identity in caplog.text
            assert "Traceback" in caplog.text


@pytest.mark.parametrize("answer", ["dict", "dtype"])
async def test_a_wrong_answer_of_the_model_is_a_500(
    serve: Serve, spec: SpecOf, answer: Any
) -> None:
    async with serve(spec("WrongAnswer", options={"answer": answer})) as (_, client):
        item = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
        reply = await client.post("/v2/models/m/infer", json={"inputs": [item]})
        assert reply.status_code == 500


async def test_only_allowed_headers_reach_the_model(serve: Serve, spec: SpecOf) -> None:
    seen = {}
    async with serve(spec("Echo"), forwarded_headers=("x-tenant",)) as (server, client):
        model = server.models.get("m").instance
        real = model.predict

        def predict(request: InferRequest) -> Any:
            seen.update(request.headers)
            return real(request)

        model.predict = predict
        item = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
        headers = {"X-Tenant": "a", "Authorization": "Bearer secret"}
        await client.post(
            "/v2/models/m/infer", json={"inputs": [item]}, headers=headers
        )
        assert seen == {"x-tenant": "a"}


def binary(array: Any) -> dict[str, Any]:
    item = {
        "name": "x",
        "datatype": "FP32",
        "shape": array.shape,
        "parameters": {"binary_data_size": array.nbytes},
    }
    document = {"inputs": [item], "parameters": {"binary_data_output": True}}
    head = orjson.dumps(document)
    return {
        "content": head + array.tobytes(),
        "headers": {"inference-header-content-length": str(len(head))},
    }


async def test_an_error_does_not_send_back_all_that_came(
    serve: Serve, spec: SpecOf
) -> None:
    body = {"inputs": [ROW], "parameters": {"binary_data_output": "n" * 10**6}}
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post("/v2/models/m/infer", json=body)
        assert answer.status_code == 400
        assert "nnn..." in answer.json()["error"]
        assert len(answer.content) < 3000
