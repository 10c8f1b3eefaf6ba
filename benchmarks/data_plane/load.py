"""The load: wrk for HTTP/1.1, h2load for gRPC, one connection count for one window."""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_plane import wire

if TYPE_CHECKING:
    from data_plane.requests import Request

CLIENT_CORE = "1"
#: The program, and the Debian package that has it.
PROGRAMS = {
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "taskset": "util-linux",
}
_GRPC_HEADERS = {"content-type": "application/grpc", "te": "trailers"}
_GRACE = 60
_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
{headers}
done = function(summary, latency)
  io.write(string.format(
    'RESULT {{"requests": %d, "seconds": %.6f, "p50": %d, "p99": %d, "errors": %d}}\\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout))
end
"""


class LoadError(Exception):
    """The load could not be made, or not all requests were answered."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one window of load saw; times in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def missing_programs() -> list[str]:
    """Return a line for each program that is not installed, with its package."""
    return [
        f"{program} is missing: apt-get install {package}"
        for program, package in PROGRAMS.items()
        if shutil.which(program) is None
    ]


def versions() -> dict[str, str]:
    """Return what the programs of the load call themselves."""
    said = {
        name: subprocess.run(command, check=False, capture_output=True, text=True)
        for name, command in (
            ("wrk", ["wrk", "-v"]),
            ("h2load", ["h2load", "--version"]),
        )
    }
    return {name: done.stdout.split("[")[0].strip() for name, done in said.items()}


def run(
    request: Request, port: int, *, connections: int, streams: int, seconds: int
) -> Load:
    """Send *request* over *connections* for *seconds*; any error is an error."""
    with tempfile.TemporaryDirectory() as folder:
        if request.grpc:
            return _h2load(request, port, (connections, streams), seconds, Path(folder))
        return _wrk(request, port, connections, seconds, Path(folder))


def _wrk(
    request: Request, port: int, connections: int, seconds: int, folder: Path
) -> Load:
    body, script = folder / "body", folder / "post.lua"
    body.write_bytes(request.body)
    headers = "\n".join(
        f'wrk.headers["{name}"] = "{value}"' for name, value in request.headers.items()
    )
    script.write_text(_SCRIPT.format(body=body, headers=headers))
    output = _on_client_core(
        [
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"),
            *("-s", str(script), f"http://127.0.0.1:{port}{request.path}"),
        ],
        seconds,
    )
    line = next((ln for ln in output.splitlines() if ln.startswith("RESULT ")), None)
    if line is None:
        raise LoadError(f"wrk said: {output[-300:]}")
    result = json.loads(line.removeprefix("RESULT "))
    if result.pop("errors") or not result["requests"]:
        raise LoadError(f"not every request was answered with 2xx: {line}")
    return Load(**result)


def _h2load(
    request: Request,
    port: int,
    size: tuple[int, int],
    seconds: int,
    folder: Path,
) -> Load:
    connections, streams = size
    body, log = folder / "body", folder / "log"
    body.write_bytes(wire.framed(request.body))
    headers = {**_GRPC_HEADERS, **request.headers}
    output = _on_client_core(
        [
            *("h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-D{seconds}"),
            *("--data", str(body), "--log-file", str(log)),
            *(f"--header={name}: {value}" for name, value in headers.items()),
            f"http://127.0.0.1:{port}{request.path}",
        ],
        seconds,
    )
    return parse_h2load(log.read_text() if log.exists() else "", seconds, output)


def parse_h2load(log: str, seconds: float, output: str = "") -> Load:
    """Return what h2load's log says: microseconds since 1970, status, microseconds."""
    rows = [line.split("\t") for line in log.splitlines()]
    bad = [row for row in rows if row[1] != "200"]
    if bad or not rows:
        raise LoadError(f"{len(bad)} of {len(rows)} not answered with 200: {output}")
    times = sorted(float(row[2]) for row in rows)
    return Load(
        requests=len(rows),
        seconds=seconds,
        p50=statistics.median(times),
        p99=times[math.ceil(len(times) * 0.99) - 1],
    )


def _on_client_core(command: list[str], seconds: int) -> str:
    done = subprocess.run(
        ["taskset", "-c", CLIENT_CORE, *command],
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE,
    )
    if done.returncode:
        raise LoadError(f"{command[0]}: {(done.stderr or done.stdout)[-300:]}")
    return done.stdout
