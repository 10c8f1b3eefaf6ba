"""Time: what has not begun when it is over never begins, and the caller is told."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from conformance import encodings, tensors

from inferry.testing.protocol import clients, wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.testing.protocol import Served

ONE = tensors.sample("FP32", (1, 2))


@pytest.fixture(scope="module")
def blocking(serve: Callable[..., Served]) -> Served:
    return serve("Blocking")


@pytest.fixture(scope="module")
def limited(serve: Callable[..., Served]) -> Served:
    return serve("Blocking", "--request_timeout=0.5")


def message(delay: float = 0, **parameters: Any) -> Any:
    request = clients.message(encodings.MODEL, [ONE], raw=True)
    request.parameters["delay"].double_param = delay
    for name, value in parameters.items():
        request.parameters[name].bool_param = value
    return request


def document(delay: float = 0, **more: Any) -> dict[str, Any]:
    return wire.document([ONE], parameters={"delay": delay, **more})


def began(served: Served) -> int:
    answer = clients.call(served, "ModelInfer", message(report=True))
    return int(clients.tensors(answer)["calls"].data[0])


def test_a_deadline_of_grpc_ends_the_wait(blocking: Served) -> None:
    before = began(blocking)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(clients.call, blocking, "ModelInfer", message(1.5))
        _until_busy(blocking)
        start = time.monotonic()
        waiting = [
            pool.submit(clients.call, blocking, "ModelInfer", message(), timeout=0.3)
            for _ in range(5)
        ]
        for each in waiting:
            error = each.exception(10)
            assert isinstance(error, grpc.RpcError)
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - start < 1
        assert first.result(10).outputs
    assert began(blocking) == before + 1


def test_a_timeout_of_the_server_is_a_504(limited: Served) -> None:
    before = began(limited)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(
            limited.request, "POST", encodings.INFER, json=document(1.5)
        )
        _until_busy(limited)
        start = time.monotonic()
        waiting = [
            pool.submit(limited.request, "POST", encodings.INFER, json=document())
            for _ in range(3)
        ]
        for each in waiting:
            response = each.result(10)
            assert response.status_code == 504, response.text
            assert response.json()["error"]
        assert time.monotonic() - start < 1
        assert first.result(10).status_code == 504
    _until_idle(limited)
    assert began(limited) == before + 1


def test_a_timeout_of_the_server_is_told_over_grpc(limited: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        clients.call(limited, "ModelInfer", message(1.5))
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    _until_idle(limited)


def test_a_timeout_of_the_request_ends_the_wait(blocking: Served) -> None:
    before = began(blocking)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(clients.call, blocking, "ModelInfer", message(1.0))
        _until_busy(blocking)
        start = time.monotonic()
        microseconds = 200_000
        response = blocking.request(
            "POST", encodings.INFER, json=document(timeout=microseconds)
        )
        assert response.status_code == 504, response.text
        assert time.monotonic() - start < 0.6
        assert first.result(10).outputs
    assert began(blocking) == before + 1


def test_a_client_that_left_is_not_served(blocking: Served) -> None:
    before = began(blocking)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(clients.call, blocking, "ModelInfer", message(1.5))
        _until_busy(blocking)
        for _ in range(3):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(blocking.url + encodings.INFER, json=document(), timeout=0.1)
        assert first.result(10).outputs
    assert began(blocking) == before + 1


def _until_busy(served: Served) -> None:
    """Wait for a call that has been sent to run."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if _running(served):
            return
        time.sleep(0.02)
    pytest.fail("no call has begun to run")


def _running(served: Served) -> bool:
    text = served.request("GET", "/metrics").text
    busy = re.compile(r"^inferry_requests_running\{.*\} 1", re.MULTILINE)
    return busy.search(text) is not None


def _until_idle(served: Served) -> None:
    """Wait for a call that was given up, which a thread cannot be stopped in."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        asked = document(report=True)
        response = served.request("POST", encodings.INFER, json=asked)
        if response.status_code == 200:
            return
    pytest.fail("the server stays busy")
