"""The client that people have: tritonclient, through the gateway, over runtimes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.http as triton
from running import SERVICE, Running
from test_magika import model_folder
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
#: model -> its input, of the right size, and its first output with its shape.
ASKED: dict[str, tuple[str, Any, str, list[int]]] = {
    "iris": ("input-0", ROWS, "predict", [2]),
    "filetype": ("bytes", np.full((2, 2048), 256, np.int32), "target_label", [2, 214]),
}
#: A tensor of each kind that the models above do not take.
ODD: dict[str, Any] = {
    "BYTES": np.array([b"text", b"\xff\x00", b""], dtype=object),
    "BOOL": np.array([[True], [False]]),
    "FP16": np.array([1.5, -2.0, np.inf], np.float16),
    "INT64": np.array([-(2**63), 2**63 - 1]),
    "FP32": np.empty((0, 3), np.float32),
}
ECHO = """\
class Echo:
    def predict(self, values):
        return values
"""


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, iris_folder: Path
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("clients")
    iris = SERVICE.format(name="iris", format="sklearn", uri=iris_folder)
    filetype = SERVICE.format(name="filetype", format="onnx", uri=model_folder())
    (folder / "echo").mkdir()
    (folder / "echo" / "model.py").write_text(ECHO)
    echo = SERVICE.format(name="echo", format="python", uri="echo")
    (folder / "services.yaml").write_text(f"{iris}---\n{filetype}---\n{echo}")
    trust = {"INFERRY_PLUGINS__PYTHON__TRUST": str(folder)}
    running = Running(folder, ["services.yaml"], trust)
    for name in ("iris", "filetype", "echo"):
        running.wait(name, "Ready")
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(running: Running) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{running.port}") as client:
        yield client


def tensor(name: str, data: Any, *, binary: bool = True) -> triton.InferInput:
    given = triton.InferInput(name, list(data.shape), np_to_triton_dtype(data.dtype))
    given.set_data_from_numpy(data, binary_data=binary)
    return given


def infer(
    client: triton.InferenceServerClient,
    model: str,
    *,
    binary: bool = True,
    **more: Any,
) -> Any:
    name, data, output, shape = ASKED[model]
    answer = client.infer(model, [tensor(name, data, binary=binary)], **more)
    array = answer.as_numpy(output)
    assert list(array.shape) == shape
    return array


models = pytest.mark.parametrize("model", list(ASKED))


@models
def test_binary_is_what_the_client_asks_for_by_default(
    client: triton.InferenceServerClient, model: str
) -> None:
    name, data, output, _ = ASKED[model]
    answer = client.infer(model, [tensor(name, data)])
    told = answer.get_output(output)
    assert told["parameters"]["binary_data_size"] == answer.as_numpy(output).nbytes


@models
@pytest.mark.parametrize("sent", [True, False], ids=["binary-in", "json-in"])
@pytest.mark.parametrize("got", [True, False], ids=["binary-out", "json-out"])
def test_json_and_binary_give_the_same_answer(
    client: triton.InferenceServerClient, model: str, *, sent: bool, got: bool
) -> None:
    wanted = [triton.InferRequestedOutput(ASKED[model][2], binary_data=got)]
    array = infer(client, model, binary=sent, outputs=wanted)
    np.testing.assert_allclose(array, infer(client, model), rtol=1e-5)


@models
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_requests_may_be_compressed_and_answers_asked_so(
    client: triton.InferenceServerClient, model: str, algorithm: str, *, binary: bool
) -> None:
    array = infer(
        client,
        model,
        binary=binary,
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_array_equal(array, infer(client, model))


@models
def test_what_goes_with_a_request_is_taken(
    client: triton.InferenceServerClient, model: str
) -> None:
    name, data, _, _ = ASKED[model]
    answer = client.infer(
        model,
        [tensor(name, data)],
        model_version="1",
        request_id="a-1",
        headers={"X-Request-Id": "a-1"},
        query_params={"trace": "on"},
        parameters={"note": "x", "level": 3},
        timeout=1_000_000,
        priority=1,
    )
    told = answer.get_response()
    assert told["id"] == "a-1"
    assert (told["model_name"], told["model_version"]) == (model, "1")


@pytest.mark.parametrize("datatype", list(ODD))
def test_every_kind_of_tensor_comes_back_as_it_went(
    client: triton.InferenceServerClient, datatype: str
) -> None:
    given = tensor("values", ODD[datatype])
    assert given.datatype() == datatype
    answer = client.infer("echo", [given]).as_numpy("output-0")
    np.testing.assert_array_equal(answer, ODD[datatype])
    assert answer.shape == ODD[datatype].shape


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_an_empty_batch_keeps_its_shape(
    client: triton.InferenceServerClient, *, binary: bool
) -> None:
    _, data, output, _ = ASKED["filetype"]
    answer = client.infer("filetype", [tensor("bytes", data[:0], binary=binary)])
    assert answer.as_numpy(output).shape == (0, 214)


def test_a_model_that_needs_rows_says_so(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="0 sample") as caught:
        client.infer("iris", [tensor("input-0", ROWS[:0])])
    assert caught.value.status() == "400"


@models
def test_health_and_metadata_are_read(
    client: triton.InferenceServerClient, model: str
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(model)
    assert client.is_model_ready(model, "1")
    assert not client.is_model_ready("nobody")
    told = client.get_model_metadata(model)
    name, _, output, _ = ASKED[model]
    assert told["versions"] == ["1"]
    assert [each["name"] for each in told["inputs"]] == [name]
    assert told["outputs"][0]["name"] == output
    states = {each["name"]: each["state"] for each in _index(client)}
    assert states == dict.fromkeys(["iris", "filetype", "echo"], "READY")


def _index(client: triton.InferenceServerClient) -> list[dict[str, str]]:
    index: list[dict[str, str]] = client.get_model_repository_index()
    return index


def test_the_path_of_a_service_is_a_server_of_its_own(running: Running) -> None:
    url = f"127.0.0.1:{running.port}/serving/default/iris"
    with triton.InferenceServerClient(url) as client:
        assert client.is_server_ready()
        assert infer(client, "iris").tolist() == [0, 2]
        assert [each["name"] for each in _index(client)] == ["iris"]


OUTPUT = triton.InferRequestedOutput("zz")
WRONG = [
    ("nobody", tensor("x", ROWS), {}, "[404] no model named 'nobody'"),
    ("iris", tensor("input-0", ROWS), {"model_version": "7"}, "[404] model 'iris' has"),
    ("iris", tensor("input-0", ROWS[:, :3]), {}, "[400] input 'input-0' has shape"),
    ("filetype", tensor("x", ROWS), {}, "[400] model 'filetype' has no input 'x'"),
    ("filetype", tensor("bytes", ROWS), {}, "expected INT32"),
    (
        "filetype",
        tensor("bytes", ASKED["filetype"][1]),
        {"outputs": [OUTPUT]},
        "[400] model 'filetype' has no output 'zz'",
    ),
]


@pytest.mark.parametrize(("model", "given", "more", "said"), WRONG)
def test_the_client_can_read_what_was_wrong(
    client: triton.InferenceServerClient, model: str, given: Any, more: Any, said: str
) -> None:
    with pytest.raises(InferenceServerException, match=re.escape(said)):
        client.infer(model, [given], **more)


def test_loading_is_refused_with_a_reason(
    client: triton.InferenceServerClient,
) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.load_model("iris")
    assert caught.value.status() == "403"
