"""Health while a model blocks: 32 predictions of 3 s are sent, one runs, 31 wait."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import math
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_plane import checks, wire
from data_plane.requests import Request, WrongAnswerError
from data_plane.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

QUEUED, SECONDS = 32, 3.0
_MOST_MS = 50.0
_EVERY = 0.01
_HEALTH = ("/v2/health/live", "/v2/health/ready", "/v2/models/slow/ready")


@dataclass(frozen=True, kw_only=True)
class Health:
    """How long health took, in milliseconds, while so many predictions were held."""

    lane: str
    p99: float
    worst: float
    count: int
    held: int


def slow_request(seconds: float, *, grpc: bool = False) -> Request:
    """Return a prediction that takes *seconds*."""
    if grpc:
        body = wire.infer_request("slow", "seconds", "FP32", [1], floats=[seconds])
        return Request(
            name="slow",
            path=wire.INFER,
            body=body,
            check=lambda _, message: _has(wire.tensors(message)),
            grpc=True,
        )
    tensor = {"name": "seconds", "shape": [1], "datatype": "FP32", "data": [seconds]}
    return Request(
        name="slow",
        path="/v2/models/slow/infer",
        headers={"content-type": "application/json"},
        body=json.dumps({"inputs": [tensor]}).encode(),
        check=lambda _, body: _has(json.loads(body)["outputs"][0]),
    )


def _has(found: object) -> None:
    if "seconds" not in str(found):
        raise WrongAnswerError(f"{found!r:.80} has no output named seconds")


def over_http(lane: str, port: int, window: float) -> Health:
    """Hold predictions over HTTP and ask health over HTTP."""
    request = slow_request(SECONDS)
    checks.check(slow_request(0.01), port)
    with contextlib.ExitStack() as stack:
        sent = [stack.enter_context(_send(request, port)) for _ in range(QUEUED)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        stack.callback(connection.close)
        asks = [functools.partial(_get, connection, path) for path in _HEALTH]
        times = _probe(window, asks)
        answered, _, _ = select.select(sent, [], [], 0)
    return _health(lane, times, QUEUED - len(answered), window)


def over_grpc(port: int, window: float) -> Health:
    """Hold predictions over gRPC and ask health over gRPC."""
    import grpc

    request = slow_request(SECONDS, grpc=True)
    checks.check(slow_request(0.01, grpc=True), port)
    with contextlib.ExitStack() as stack:
        channels = [
            stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}", [("n", n)]))
            for n in range(2)
        ]
        infer, live = (
            channel.unary_unary(path, lambda message: message, lambda message: message)
            for channel, path in zip(channels, (wire.INFER, wire.LIVE), strict=True)
        )
        held = [infer.future(request.body, timeout=300) for _ in range(QUEUED)]
        try:
            times = _probe(window, [lambda: live(b"", timeout=30)])
        except grpc.RpcError as error:
            raise WrongAnswerError(f"{wire.LIVE}: {error}") from error
        answered = [call for call in held if call.done()]
        for call in held:
            call.cancel()
    return _health("gRPC", times, QUEUED - len(answered), window)


@contextlib.contextmanager
def _send(request: Request, port: int) -> Iterator[socket.socket]:
    head = f"POST {request.path} HTTP/1.1\r\nhost: bench\r\n"
    head += "content-type: application/json\r\n"
    head += f"content-length: {len(request.body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + request.body)
        yield connection


def _get(connection: http.client.HTTPConnection, path: str) -> None:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise WrongAnswerError(f"{path}: {response.status} {body[:200]!r}")


def _probe(window: float, asks: Sequence[Callable[[], object]]) -> list[float]:
    """Return the milliseconds of each question, at a fixed rate for *window* seconds.

    A question that is due while the one before it hangs counts from when it was due.
    """
    began = time.perf_counter()
    times = []
    for number in range(int(window / _EVERY)):
        due = began + number * _EVERY
        time.sleep(max(0.0, due - time.perf_counter()))
        asks[number % len(asks)]()
        times.append((time.perf_counter() - due) * 1e3)
    return times


def _health(lane: str, times: list[float], held: int, window: float) -> Health:
    if held < QUEUED - math.ceil(window / SECONDS) - 1:
        raise WrongAnswerError(
            f"only {held} predictions were held: nothing was blocked"
        )
    times.sort()
    return Health(
        lane=lane,
        p99=times[math.ceil(len(times) * 0.99) - 1],
        worst=times[-1],
        count=len(times),
        held=held,
    )


def judge(health: Health) -> Verdict:
    """Hold *health* against its bound."""
    return Verdict(
        what=f"health p99 while 32 predictions of 3 s block, {health.lane}",
        target=f"< {_MOST_MS:g} ms",
        result=f"{health.p99:.1f} ms (worst {health.worst:.1f} of {health.count})",
        met=health.p99 < _MOST_MS,
        value=health.p99,
    )
