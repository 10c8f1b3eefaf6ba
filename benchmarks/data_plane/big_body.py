"""A body of 300 MB: how soon it is refused, what it costs, and who suffers.

Two forms: one whose length is declared, which can be refused at once, and one in
chunks, which can be refused when it passes the limit.
"""

from __future__ import annotations

import contextlib
import json
import math
import select
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_plane.load import CLIENT_CORE, LoadError
from data_plane.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from data_plane.servers import Server

BODY = 300 * 10**6
LIMIT = 64 * 2**20
FORMS = ("declared", "chunked")
_PIECE = b"0" * (128 * 1024)
#: Between pieces: the client shares its core with the neighbours' client.
_PAUSE = 0.0005
_MOST_MS, _MOST_MIB, _MOST_RATIO = 100.0, 10.0, 2.0
_ROUNDING = 0.5  # MiB
_WINDOW = 2  # seconds


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What one form of the body met; ``growth`` is beyond what the limit allows."""

    form: str
    milliseconds: float
    growth: float
    left: float


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The p99 of small requests in milliseconds, alone and beside big bodies."""

    alone: float
    beside: float
    uploads: int


def refusal(server: Server, port: int, form: str) -> Refusal:
    """Send one body and see when the 413 comes and what memory it took."""
    upload(port, form)
    server.wait_idle()
    before = server.forget_peak()
    milliseconds = upload(port, form)
    server.wait_idle()
    peak = server.memory().peak_rss
    left = server.forget_peak()
    allowed = LIMIT / 2**20 if form == "chunked" else 0.0
    return Refusal(
        form=form,
        milliseconds=milliseconds,
        growth=max(0.0, peak - before - allowed),
        left=max(0.0, left - before),
    )


def upload(port: int, form: str) -> float:
    """Return the milliseconds from passing the limit until the 413."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        framing = "transfer-encoding: chunked"
        if form == "declared":
            framing = f"content-length: {BODY}"
        connection.sendall(
            b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: bench\r\n"
            b"content-type: application/json\r\n" + framing.encode() + b"\r\n\r\n"
        )
        passed = time.perf_counter() if form == "declared" else None
        passed = _send(connection, form, passed)
        answer = connection.recv(4096)
    taken = (time.perf_counter() - passed) * 1e3
    if not answer.startswith(b"HTTP/1.1 413 "):
        raise LoadError(f"a body of 300 MB, {form}, met {answer[:80]!r}")
    return taken


def _send(connection: socket.socket, form: str, passed: float | None) -> float:
    """Send until there is an answer; return when the limit was passed."""
    piece = _PIECE
    if form == "chunked":
        piece = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE)
    for number in range(1, BODY // len(_PIECE) + 1):
        readable, _, _ = select.select([connection], [], [], 0)
        if readable:
            break
        try:
            connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            break
        if passed is None and number * len(_PIECE) > LIMIT:
            passed = time.perf_counter()
        time.sleep(_PAUSE)
    if passed is None:
        raise LoadError("the answer came before the limit was passed")
    return passed


def neighbours(port: int, body: bytes, pairs: int) -> Neighbours:
    """Ask iris at a steady rate, alone and while big bodies come in, in turn."""
    alone: list[float] = []
    beside: list[float] = []
    uploads = 0
    for _ in range(pairs):
        alone += _steady(port, body)
        with _uploading(port) as sent:
            beside += _steady(port, body)
        uploads += len(sent)
    return Neighbours(alone=_p99(alone), beside=_p99(beside), uploads=uploads)


@contextlib.contextmanager
def _uploading(port: int) -> Iterator[list[float]]:
    """Send big bodies one after the other; a refusal that never comes is an error."""
    stop = threading.Event()
    sent: list[float] = []
    failed: list[Exception] = []

    def send() -> None:
        try:
            while not stop.is_set():
                sent.extend(upload(port, form) for form in FORMS)
        except (LoadError, OSError) as error:
            failed.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


def _p99(times: list[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]


def _steady(port: int, body: bytes) -> list[float]:
    """Return milliseconds, measured in a process of its own."""
    script = Path(__file__).with_name("steady.py")
    done = subprocess.run(
        ["taskset", "-c", CLIENT_CORE, sys.executable, str(script)],
        input=json.dumps({"port": port, "body": body.decode(), "seconds": _WINDOW}),
        capture_output=True,
        text=True,
        check=False,
        timeout=_WINDOW + 60,
    )
    if done.returncode:
        raise LoadError(f"the neighbours failed: {done.stderr[-300:]}")
    times: list[float] = json.loads(done.stdout)
    return times


def judge_refusal(found: Refusal) -> list[Verdict]:
    """Hold one refusal against its bounds."""
    beyond = "" if found.form == "declared" else " beyond the limit"
    worst = max(found.growth, found.left)
    return [
        Verdict(
            what=f"300 MB body, {found.form}: 413 after passing the limit",
            target=f"<= {_MOST_MS:g} ms",
            result=f"{found.milliseconds:.1f} ms",
            met=found.milliseconds <= _MOST_MS,
            value=found.milliseconds,
        ),
        Verdict(
            what=f"300 MB body, {found.form}: memory grows{beyond}, and stays",
            target=f"<= {_MOST_MIB:g} MiB",
            result=f"{found.growth:.1f} MiB, {found.left:.1f} MiB",
            met=worst <= _MOST_MIB + _ROUNDING,
            value=worst,
        ),
    ]


def judge_neighbours(found: Neighbours) -> Verdict:
    """Hold the neighbours' p99 against its bound."""
    ratio = found.beside / found.alone
    return Verdict(
        what="300 MB bodies one after the other: p99 of iris beside them",
        target=f"<= {_MOST_RATIO:g}x",
        result=(
            f"{ratio:.2f}x ({found.beside:.2f} ms / {found.alone:.2f} ms, "
            f"{found.uploads} bodies)"
        ),
        met=ratio <= _MOST_RATIO,
        value=ratio,
    )
