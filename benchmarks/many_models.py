"""Many small models in one server: how long, how much memory, how quick each answers.

Once all of them stay in memory; once the budget holds half of them, so that a request
for another makes one sleep and wakes it.
"""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from data_plane.rounds import say
from data_plane.suite import Result
from measure import Row, free_port, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
#: What the replica may take, in bytes.
ROOM = 4 * 2**30
_READY_SECONDS = 600
#: Share of the models' memory that the second server may hold.
_HALF = 0.5


def run(*, quick: bool) -> Result:
    """Measure; *quick* takes a tenth of the models."""
    count, requests = (20, 200) if quick else (200, 4000)
    with tempfile.TemporaryDirectory() as folder:
        say(f"training {count} models")
        _make(Path(folder), count)
        names = sorted(path.name for path in Path(folder).iterdir())
        say("all in memory")
        whole = _measure(Path(folder), names, requests, budget=0)
        say("half of them in memory")
        half = int(whole["models"] * _HALF)
        tight = _measure(Path(folder), names, max(requests // 10, 50), budget=half)
    rows = [
        Row(
            what=f"{count} models in one replica: its memory",
            measured=f"{whole['resident'] / 2**20:.0f} MiB",
            target="at most 4 GiB",
            met=whole["resident"] <= ROOM,
        ),
        Row(
            what="all of them ready",
            measured=f"{whole['ready']:.1f} s",
            target="-",
            met=True,
        ),
        Row(
            what="a request, models in turn at random: median, 99th percentile",
            measured=f"{whole['p50']:.2f} ms, {whole['p99']:.2f} ms",
            target="no failure",
            met=not whole["failed"],
        ),
        Row(
            what=f"with room for half of them: {tight['evictions']:.0f} gave way; "
            "a request: median, 99th percentile",
            measured=f"{tight['p50']:.2f} ms, {tight['p99']:.2f} ms",
            target="no failure",
            met=not tight["failed"],
        ),
    ]
    text = (
        "## Many models\n\n"
        f"{markdown(rows)}\n\n"
        "Random forests of 20 trees on the irises, as skops, in one process of "
        "`python -m inferry_server --model_repository`; one connection asks a random "
        "model at a time over V1.\n"
    )
    return Result(markdown=text, data={"all": whole, "half": tight})


def _make(folder: Path, count: int) -> None:
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from skops import io as skops

    features, labels = load_iris(return_X_y=True)
    for number in range(count):
        model = RandomForestClassifier(20, random_state=number).fit(features, labels)
        place = folder / f"iris-{number:03}"
        place.mkdir()
        skops.dump(model, place / "model.skops")


def _measure(
    folder: Path, names: list[str], requests: int, *, budget: int
) -> dict[str, float]:
    began = time.perf_counter()
    with _server(folder, budget) as (process, client):
        _until_ready(client, len(names))
        ready = time.perf_counter() - began
        dice = random.Random(1)
        times, failed = [], 0
        for _ in range(requests):
            path = f"/v1/models/{dice.choice(names)}:predict"
            asked = time.perf_counter()
            failed += client.post(path, json=_ROW).status_code != 200
            times.append((time.perf_counter() - asked) * 1e3)
        text = client.get("/metrics").text
        held = _sum(text, "inferry_model_memory_bytes")
        return {
            "ready": ready,
            "resident": float(_resident(process.pid)),
            "models": held,
            "evictions": _sum(text, "inferry_model_evictions_total"),
            "p50": statistics.median(times),
            "p99": statistics.quantiles(times, n=100)[98],
            "failed": float(failed),
        }


@contextmanager
def _server(
    folder: Path, budget: int
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "inferry_server", f"--http_port={port}"),
        *("--enable_grpc=false", "--enable_management=false", "--log_level=error"),
        f"--model_repository=sklearn:{folder}",
        *([f"--memory_budget={budget}"] if budget else []),
    ]
    with subprocess.Popen(command) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                yield process, client
        finally:
            process.terminate()


def _until_ready(client: httpx.Client, count: int) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        try:
            answer = client.post("/v2/repository/index", json={"ready": True})
            if len(answer.json()) == count:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    sys.exit(f"the {count} models were not ready within {_READY_SECONDS} s")


def _sum(text: str, name: str) -> float:
    found: list[Any] = re.findall(rf"^{name}{{.*}} (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
