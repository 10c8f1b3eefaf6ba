"""gRPC from Triton's client through the gateway of a running service."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from calling import Caller, Fault
from reader import Reader, blocks
from running import SERVICE, Running
from tritonclient.utils import InferenceServerException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODEL = """
class Adder:
    def load(self):
        self.more = {more}

    def predict(self, values):
        return values + self.more
"""


@pytest.fixture(scope="module")
def iris(
    iris_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Serve iris with scikit-learn; every test here only asks it."""
    folder = tmp_path_factory.mktemp("served")
    service = SERVICE.format(name="iris", format="sklearn", uri=iris_folder)
    (folder / "service.yaml").write_text(service)
    running = Running(folder, ["service.yaml"], {})
    running.wait("iris", "Ready")
    yield running
    running.stop()


@pytest.fixture
def client(iris: Running) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{iris.port}") as client:
        yield client


def flowers(rows: int = 2) -> Any:
    values = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]] * rows)[:rows]
    tensor = triton.InferInput("input-0", [rows, 4], "FP64")
    tensor.set_data_from_numpy(values)
    return tensor


def test_an_inference(client: triton.InferenceServerClient) -> None:
    answer = client.infer("iris", [flowers()], request_id="7")
    assert answer.as_numpy("predict").tolist() == [0, 2]
    assert answer.get_response().id == "7"


def test_what_the_server_and_the_model_are(
    client: triton.InferenceServerClient,
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("iris")
    assert client.get_server_metadata().name == "inferry-gateway"
    metadata = client.get_model_metadata("iris")
    assert (metadata.platform, metadata.inputs[0].name) == ("sklearn", "input-0")
    index = client.get_model_repository_index().models
    assert [(each.name, each.state) for each in index] == [("iris", "READY")]


def test_a_model_of_nobody(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.infer("irsi", [flowers()])
    assert caught.value.status() == "StatusCode.NOT_FOUND"
    assert "did you mean 'iris'?" in caught.value.message()


def test_an_input_that_does_not_fit(client: triton.InferenceServerClient) -> None:
    tensor = triton.InferInput("input-0", [1, 3], "FP64")
    tensor.set_data_from_numpy(np.zeros((1, 3)))
    with pytest.raises(InferenceServerException) as caught:
        client.infer("iris", [tensor])
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_the_service_by_authority_and_by_metadata(iris: Running) -> None:
    host = [("grpc.default_authority", "iris-default.example.com")]
    where = f"127.0.0.1:{iris.port}"
    with triton.InferenceServerClient(where, channel_args=host) as client:
        assert client.get_server_metadata().name != "inferry-gateway"
    with triton.InferenceServerClient(where) as client:
        headers = {"inferry-service": "default/iris"}
        assert client.get_server_metadata(headers=headers).name != "inferry-gateway"
        with pytest.raises(InferenceServerException, match="no service named"):
            client.get_server_metadata(headers={"inferry-service": "default/x"})


def test_a_stream(client: triton.InferenceServerClient) -> None:
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    try:
        for number in range(5):
            client.async_stream_infer("iris", [flowers()], request_id=str(number))
        found = [answers.get(timeout=10) for _ in range(5)]
    finally:
        client.stop_stream()
    assert [error for _, error in found] == [None] * 5
    assert [result.get_response().id for result, _ in found] == list("01234")
    assert found[0][0].as_numpy("predict").tolist() == [0, 2]


def test_a_request_with_compression_and_a_deadline(
    client: triton.InferenceServerClient,
) -> None:
    answer = client.infer(
        "iris", [flowers(100)], compression_algorithm="gzip", client_timeout=10
    )
    assert answer.as_numpy("predict").tolist() == [0, 2] * 50


def test_calls_are_counted_with_requests(
    iris: Running, client: triton.InferenceServerClient
) -> None:
    import httpx

    client.infer("iris", [flowers()])
    metrics = httpx.get(f"{iris.url}/metrics").text
    counted = [
        line
        for line in metrics.splitlines()
        if line.startswith("inferry_gateway_requests_total") and 'code="200"' in line
    ]
    assert int(counted[0].split()[-1]) > 0


def test_the_address_is_told(iris: Running) -> None:
    where = f"127.0.0.1:{iris.port}"
    assert f"gRPC at {where}, model 'iris'" in iris.log.read_text()
    assert f"gRPC:         {where}" in iris.command("describe", "iris").stdout


@contextmanager
def calling(where: str, model: str) -> Iterator[Caller]:
    """Ask *model* all the time over one channel."""
    tensor = triton.InferInput("values", [1], "INT64")
    tensor.set_data_from_numpy(np.array([1]))
    with triton.InferenceServerClient(where) as client:

        def ask() -> Any:
            try:
                answer = client.infer(model, [tensor], client_timeout=30)
            except InferenceServerException as error:
                raise Fault(str(error)) from error
            return answer.as_numpy("output-0").tolist()[0]

        with Caller(ask, 0.01) as caller:
            yield caller


def test_an_edit_loses_no_call(tmp_path: Path, run: Callable[..., Running]) -> None:
    (tmp_path / "model.py").write_text(MODEL.format(more=1))
    running = run("model.py:Adder")
    running.wait("adder", "Ready")
    with calling(f"127.0.0.1:{running.port}", "adder") as caller:
        running.wait_for(lambda: caller.answers, "the first answer", 30)
        (tmp_path / "model.py").write_text(MODEL.format(more=10))
        running.wait_for(lambda: 11 in caller.answers, "the new answer", 30)
    assert caller.faults == []
    assert caller.answers == sorted(caller.answers)


def test_the_page_about_it_works(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        for block in blocks("docs/how-to/call-over-grpc.md"):
            reader.follow(block)
    finally:
        reader.stop()


UNSAFE = """
class Summer:
    def predict(self, values):
        return values.sum()
"""


def test_a_batcher_that_the_model_does_not_allow_is_told(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    (tmp_path / "model.py").write_text(UNSAFE)
    service = SERVICE.format(name="summer", format="python", uri=".")
    service += "      args: ['--class=Summer']\n    batcher: {maxBatchSize: 8}\n"
    (tmp_path / "service.yaml").write_text(service)
    running = run("service.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    running.wait("summer", "Ready")
    told = "not honoured here: spec.predictor.batcher: model 'summer' does not say"
    running.wait_for(lambda: told in running.log.read_text(), "the note", 10)
    assert "requests are not merged" in running.command("describe", "summer").stdout
