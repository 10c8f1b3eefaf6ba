"""Right and wrong requests through the gateway, as a client sends them."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from running import SERVICE, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = [5.1, 3.5, 1.4, 0.2]


@pytest.fixture(scope="module")
def iris(
    tmp_path_factory: pytest.TempPathFactory, iris_folder: Path
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("requests")
    text = SERVICE.format(name="iris", format="sklearn", uri=iris_folder)
    (folder / "service.yaml").write_text(text)
    running = Running(folder, ["service.yaml"], {})
    running.wait("iris", "Ready")
    yield running
    assert running.stop() == 0


def tensor(running: Running, **changes: Any) -> dict[str, Any]:
    """Return a V2 body for iris with the model's own names, changed by *changes*."""
    told = httpx.get(f"{running.url}/v2/models/iris").json()["inputs"][0]
    one = {
        "name": told["name"],
        "datatype": told["datatype"],
        "shape": [1, 4],
        "data": ROW,
    }
    return {"inputs": [one | changes]}


def test_v1_and_v2_give_the_same_answer(iris: Running) -> None:
    v1 = iris.post("/v1/models/iris:predict", {"instances": [ROW]})
    v2 = iris.post("/v2/models/iris/infer", tensor(iris))
    assert v1.json() == {"predictions": [0]}
    assert v2.json()["outputs"][0]["data"] == [0]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/models/iris:predict", {"Host": "iris-default.example.com"}),
        ("/serving/default/iris/v1/models/iris:predict", {}),
        ("/v1/models/iris:predict", {}),
    ],
    ids=["host", "path", "model"],
)
def test_each_way_of_routing_reaches_the_model(
    iris: Running, path: str, headers: dict[str, str]
) -> None:
    answer = iris.post(path, {"instances": [ROW]}, **headers)
    assert (answer.status_code, answer.json()) == (200, {"predictions": [0]})


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"name": "wrong"}, ["wrong"]),
        ({"shape": [1, 5], "data": [*ROW, 1.0]}, ["shape"]),
        ({"shape": [2, 4]}, ["8", "4"]),
        ({"shape": [-1, 4]}, ["shape"]),
        ({"shape": [10**15, 4]}, ["shape"]),
        ({"datatype": "FP128"}, ["FP128"]),
        ({"data": ["a", "b", "c", "d"]}, ["input-0", "string"]),
        ({"data": None}, ["data"]),
    ],
)
def test_a_wrong_tensor_is_a_400_that_names_it(
    iris: Running, changes: dict[str, Any], parts: list[str]
) -> None:
    answer = iris.post("/v2/models/iris/infer", tensor(iris, **changes))
    assert answer.status_code == 400, answer.text
    said = answer.json()["error"]
    assert [part for part in parts if part not in said] == [], said


def test_a_body_that_is_no_json_is_a_400(iris: Running) -> None:
    answer = httpx.post(f"{iris.url}/v2/models/iris/infer", content=b"{nope")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_an_unknown_model_is_a_404_that_suggests_one(iris: Running) -> None:
    answer = iris.post("/v1/models/irish:predict", {"instances": [ROW]})
    assert answer.status_code == 404
    assert "iris" in answer.json()["error"]


def test_a_body_past_the_limit_is_a_413_at_once(iris: Running) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", iris.port), timeout=10) as client:
        client.sendall(
            b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 99999999999\r\n\r\n{"
        )
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'{"error"' in answer
    assert time.monotonic() - began < 2


def test_a_client_that_leaves_disturbs_nobody(iris: Running) -> None:
    body = json.dumps({"instances": [ROW]}).encode()
    head = (
        b"POST /v1/models/iris:predict HTTP/1.1\r\nHost: x\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    for cut in (10, len(head) - 2, len(head) + 5, len(head) + len(body)):
        with socket.create_connection(("127.0.0.1", iris.port), timeout=10) as client:
            client.sendall((head + body)[:cut])
    answer = iris.post("/v1/models/iris:predict", {"instances": [ROW]})
    assert answer.json() == {"predictions": [0]}


def test_predict_asks_the_running_service(iris: Running) -> None:
    by_data = iris.command("predict", "iris", "--data", json.dumps([ROW]))
    by_json = iris.command(
        "predict", "iris", "--json", json.dumps({"instances": [ROW]})
    )
    assert (by_data.returncode, by_json.returncode) == (0, 0), by_data.stderr
    assert json.loads(by_json.stdout) == {"predictions": [0]}
    assert json.loads(by_data.stdout)["outputs"][0]["data"] == [0]
