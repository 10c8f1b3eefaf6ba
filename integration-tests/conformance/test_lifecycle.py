"""Models that come and go while they and others are asked; then the end."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from conformance import tensors
from tritonclient.utils import InferenceServerException

from inferry.testing.protocol import Served, clients, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ONE = tensors.sample("FP32", (1, 2))
KINDS = ("http", "grpc")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Served]:
    """Serve two models that may be loaded and unloaded."""
    from conformance.conftest import HERE

    which = [f"--model={name}=conformance.echo:Echo:{tmp_path}" for name in "ab"]
    served = Served([*which, "--allow_management"], tmp_path, environment=HERE)
    yield served
    if served.alive:
        assert served.stop() == 0, served.said


def states(served: Served, kind: str) -> dict[str, str]:
    told = clients.ask(kind, served, "get_model_repository_index")
    if kind == "http":
        return {each["name"]: each["state"] for each in told}
    return {each.name: each.state for each in told.models}


def ask(served: Served, model: str, **parameters: Any) -> httpx.Response:
    document = wire.document([ONE], parameters=parameters)
    return served.request("POST", f"/v2/models/{model}/infer", json=document)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_unloaded_and_loaded_again(pair: Served, kind: str) -> None:
    assert states(pair, kind) == {"a": "READY", "b": "READY"}
    clients.ask(kind, pair, "unload_model", "a")
    assert not clients.ask(kind, pair, "is_model_ready", "a")
    assert clients.ask(kind, pair, "is_model_ready", "b")
    assert states(pair, kind)["a"] == "UNAVAILABLE"
    assert ask(pair, "a").status_code in {404, 503}
    assert ask(pair, "b").status_code == 200
    clients.ask(kind, pair, "load_model", "a")
    assert clients.ask(kind, pair, "is_model_ready", "a")
    assert ask(pair, "a").status_code == 200
    assert states(pair, kind) == {"a": "READY", "b": "READY"}


@pytest.mark.parametrize("kind", KINDS)
def test_loading_again_what_is_loaded_is_no_error(pair: Served, kind: str) -> None:
    clients.ask(kind, pair, "load_model", "a")
    assert ask(pair, "a").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["load_model", "unload_model"])
def test_unknown_models_are_told(pair: Served, kind: str, method: str) -> None:
    with pytest.raises(InferenceServerException) as caught:
        clients.ask(kind, pair, method, "nobody")
    assert caught.value.status() in {"404", "StatusCode.NOT_FOUND"}
    assert "nobody" in caught.value.message()


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_not_taken(pair: Served, kind: str) -> None:
    files = {"file:1/model.py": b"raise SystemExit"}
    with pytest.raises(InferenceServerException) as caught:
        clients.ask(kind, pair, "load_model", "a", config="{}", files=files)
    assert caught.value.status() in {"403", "StatusCode.PERMISSION_DENIED"}
    assert ask(pair, "a").status_code == 200


def test_what_is_in_flight_is_answered_by_the_model_that_leaves(pair: Served) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, pair, "a", delay=1.0) for _ in range(4)]
        time.sleep(0.4)
        clients.ask("http", pair, "unload_model", "a")
        assert [each.result(10).status_code for each in asked] == [200] * 4
    assert ask(pair, "a").status_code in {404, 503}


def test_a_repository_that_changes_under_load(pair: Served) -> None:
    over = threading.Event()

    def load(model: str) -> list[int]:
        got = []
        with httpx.Client(base_url=pair.url, timeout=30) as client:
            document = wire.document([ONE], parameters={"delay": 0.01})
            while not over.is_set():
                response = client.post(f"/v2/models/{model}/infer", json=document)
                if response.status_code != 200:
                    assert list(response.json()) == ["error"]
                got.append(response.status_code)
        return got

    with ThreadPoolExecutor(4) as pool:
        changing = [pool.submit(load, "a") for _ in range(2)]
        steady = [pool.submit(load, "b") for _ in range(2)]
        try:
            for _ in range(8):
                clients.ask("http", pair, "unload_model", "a")
                time.sleep(0.05)
                clients.ask("grpc", pair, "load_model", "a")
                time.sleep(0.05)
        finally:
            over.set()
        seen = {status for each in changing for status in each.result(30)}
        assert seen <= {200, 404, 503}
        assert len(seen) > 1
        for each in steady:
            assert set(each.result(30)) == {200}
    assert ask(pair, "a").status_code == 200


def test_changes_are_not_open_on_the_ports_for_inference(typed: Served) -> None:
    for kind in KINDS:
        with pytest.raises(InferenceServerException) as caught:
            clients.ask(kind, typed, "unload_model", "echo")
        assert caught.value.status() in {"403", "StatusCode.PERMISSION_DENIED"}
    assert clients.ask("http", typed, "is_model_ready", "echo")


def test_the_management_port_is_open_for_changes(serve: Callable[..., Served]) -> None:
    served = serve("Echo")
    url = f"http://{served.management}/v2/repository/models/echo"
    assert httpx.post(f"{url}/unload").status_code == 200
    assert ask(served, "echo").status_code in {404, 503}
    assert httpx.post(f"{url}/load").status_code == 200
    assert ask(served, "echo").status_code == 200


def test_what_is_in_flight_is_finished_after_sigterm(
    serve: Callable[..., Served],
) -> None:
    served = serve("Echo", "--drain_delay=1")
    request = clients.message("echo", [ONE], raw=True)
    request.parameters["delay"].double_param = 1.5
    with ThreadPoolExecutor(4) as pool:
        http = [pool.submit(ask, served, "echo", delay=1.5) for _ in range(2)]
        rpc = [pool.submit(clients.call, served, "ModelInfer", request)]
        time.sleep(0.4)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        # It is no longer ready, so that nobody sends more, but takes what still comes.
        assert served.request("GET", "/v2/health/ready").status_code == 503
        assert served.request("GET", "/v2/health/live").status_code == 200
        assert ask(served, "echo").status_code == 200
        assert [each.result(10).status_code for each in http] == [200, 200]
        assert [len(each.result(10).outputs) for each in rpc] == [1]
    assert served.process.wait(10) == 0


def test_a_stream_is_ended_after_sigterm(serve: Callable[..., Served]) -> None:
    served = serve("Echo", "--drain_timeout=2")
    request = clients.message("echo", [ONE], raw=True)
    request.parameters["pieces"].int64_param = 10
    request.parameters["delay"].double_param = 0.1
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(clients.stream, served, [request])
        time.sleep(0.4)
        served.process.send_signal(signal.SIGTERM)
        assert len(answers.result(10)) == 10
    assert served.process.wait(10) == 0
