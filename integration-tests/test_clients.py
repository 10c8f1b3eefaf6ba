"""The protocol kit through the gateway, and what only the gateway can get wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from conformance.models import write_sum_and_difference
from running import SERVICE, Running
from test_magika import model_folder
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inferry.testing.protocol import ProtocolTests, clients

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
#: model -> its input, of the right size, and its first output with its shape.
ASKED: dict[str, tuple[str, Any, str, list[int]]] = {
    "iris": ("input-0", ROWS, "predict", [2]),
    "filetype": ("bytes", np.full((2, 2048), 256, np.int32), "target_label", [2, 214]),
}


class Through:
    """A running gateway, as the kit asks a server: one port for HTTP and gRPC."""

    alive = True

    def __init__(self, running: Running) -> None:
        self.url = running.url
        self.http = self.grpc = running.url.removeprefix("http://")
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(base_url=self.url, timeout=30, limits=limits)

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Send one request."""
        return self._client.request(method, path, **rest)


@pytest.fixture(scope="module")
def kit_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("kit")
    (folder / "model").mkdir()
    uri = write_sum_and_difference(folder / "model")
    service = SERVICE.format(name="kit-model", format="onnx", uri=uri)
    (folder / "service.yaml").write_text(service)
    running = Running(folder, ["service.yaml"], {})
    running.wait("kit-model", "Ready")
    yield running
    assert running.stop() == 0


no_versions = pytest.mark.xfail(
    reason="the gateway knows services and their models, not the versions of models; "
    "the index of Triton has the version as an option"
)


class TestGateway(ProtocolTests):
    """Every test of the kit, asked of the gateway instead of the server itself."""

    @pytest.fixture
    def served(self, kit_model: Running) -> Through:
        return Through(kit_model)

    @no_versions
    def test_the_repository_lists_the_model(self, served: Any) -> None:
        super().test_the_repository_lists_the_model(served)

    @no_versions
    def test_grpc_lists_the_repository(self, served: Any) -> None:
        super().test_grpc_lists_the_repository(served)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, iris_folder: Any
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("clients")
    iris = SERVICE.format(name="iris", format="sklearn", uri=iris_folder)
    filetype = SERVICE.format(name="filetype", format="onnx", uri=model_folder())
    (folder / "services.yaml").write_text(f"{iris}---\n{filetype}")
    running = Running(folder, ["services.yaml"], {})
    for name in ("iris", "filetype"):
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


def infer(client: triton.InferenceServerClient, model: str, **more: Any) -> Any:
    name, data, output, shape = ASKED[model]
    array = client.infer(model, [tensor(name, data)], **more).as_numpy(output)
    assert list(array.shape) == shape
    return array


@pytest.mark.parametrize("model", list(ASKED))
def test_each_model_is_found_by_its_name(
    client: triton.InferenceServerClient, model: str
) -> None:
    infer(client, model)
    told = client.get_model_metadata(model)
    assert [each["name"] for each in told["inputs"]] == [ASKED[model][0]]
    assert client.is_model_ready(model, "1")


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


@pytest.mark.parametrize("kind", clients.KINDS)
def test_the_index_has_the_models_of_all_services(running: Running, kind: str) -> None:
    told = clients.ask(kind, Through(running), "get_model_repository_index")
    if kind.startswith("http"):
        states = {each["name"]: each["state"] for each in told}
    else:
        states = {each.name: each.state for each in told.models}
    assert states == dict.fromkeys(["iris", "filetype"], "READY")
    assert not clients.ask(kind, Through(running), "is_model_ready", "nobody")


def test_the_path_of_a_service_is_a_server_of_its_own(running: Running) -> None:
    url = f"127.0.0.1:{running.port}/serving/default/iris"
    with triton.InferenceServerClient(url) as client:
        assert client.is_server_ready()
        assert infer(client, "iris").tolist() == [0, 2]
        index = client.get_model_repository_index()
        assert [each["name"] for each in index] == ["iris"]


OUTPUT = triton.InferRequestedOutput("zz")
WRONG = [
    ("nobody", tensor("x", ROWS), {}, "[404] no model named 'nobody'"),
    ("iris", tensor("input-0", ROWS), {"model_version": "7"}, "[404] model 'iris' has"),
    ("iris", tensor("input-0", ROWS[:, :3]), {}, "[400] input 'input-0' has shape"),
    ("filetype", tensor("x", ROWS), {}, "[400] unknown input 'x'"),
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


@pytest.mark.parametrize("kind", clients.KINDS)
def test_loading_is_refused_with_a_reason(running: Running, kind: str) -> None:
    with pytest.raises(InferenceServerException) as caught:
        clients.ask(kind, Through(running), "load_model", "iris")
    assert caught.value.status() in {"403", "StatusCode.PERMISSION_DENIED"}
