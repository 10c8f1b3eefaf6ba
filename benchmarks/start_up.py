"""What starting costs: the import, the help text, and the way to the first answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Row, free_port, interleaved

if TYPE_CHECKING:
    from service import Iris

RAY_ALONE = """
import os, time
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
began = time.perf_counter()
import ray
from ray import serve
imported = time.perf_counter()
ray.init(address="local", include_dashboard=False, log_to_driver=False,
         logging_level="ERROR")
serve.start(proxy_location="Disabled")
ready = time.perf_counter()
print("MEASURED", imported - began, ready - imported, flush=True)
serve.shutdown()
ray.shutdown()
"""


def command_line(runs: int) -> list[Row]:
    """Compare the import and the help text with a Python that does nothing."""
    inferry = str(Path(sys.executable).with_name("inferry"))
    seconds = interleaved(
        {
            "pass": [sys.executable, "-c", "pass"],
            "import": [sys.executable, "-c", "import inferry"],
            "help": [inferry, "--help"],
        },
        runs,
    )
    bare = seconds["pass"]
    rows = []
    for what, key, bound in (
        ("`import inferry` / `python -c pass`", "import", 6.0),
        ("`inferry --help` / `python -c pass`", "help", 12.0),
    ):
        ratio = seconds[key] / bare
        measured = f"{ratio:.1f}x ({seconds[key] * 1e3:.0f} ms / {bare * 1e3:.0f} ms)"
        rows.append(
            Row(
                what=what,
                measured=measured,
                target=f"<= {bound:g}x",
                met=ratio <= bound,
            )
        )
    return rows


def ray_alone() -> tuple[float, float]:
    """Return the seconds of importing Ray, and of ray.init plus serve.start."""
    done = subprocess.run(
        [sys.executable, "-c", RAY_ALONE],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    line = next(ln for ln in done.stdout.splitlines() if ln.startswith("MEASURED"))
    _, imported, started = line.split()
    return float(imported), float(started)


def first_answer(iris: Iris) -> float:
    """Return the seconds from starting ``inferry run`` to the first right answer."""
    port = free_port()
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "inferry", "run", str(iris.yaml), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as process:
        try:
            while time.perf_counter() - began < 120:
                if _answers(port, iris):
                    return time.perf_counter() - began
                time.sleep(0.05)
            message = "no right answer within 120 s"
            raise RuntimeError(message)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _answers(port: int, iris: Iris) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/models/{iris.name}:predict",
        data=json.dumps(iris.body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return bool(json.load(response)["predictions"] == iris.answer)
    except (urllib.error.URLError, ConnectionError):
        return False


def service(iris: Iris, rounds: int) -> list[Row]:
    """Compare ``inferry run`` with what Ray alone takes, in turn."""
    alone, ours = [], []
    for _ in range(rounds):
        alone.append(ray_alone())
        ours.append(first_answer(iris))
    ours_median = sorted(ours)[len(ours) // 2]
    imported, started = sorted(alone, key=lambda pair: pair[1])[len(alone) // 2]
    ratio = ours_median / started
    return [
        Row(
            what="`inferry run` to first right answer / `ray.init` + `serve.start`",
            measured=(
                f"{ratio:.2f}x ({ours_median:.1f} s / {started:.1f} s; "
                f"importing Ray takes another {imported:.1f} s)"
            ),
            target="<= 2x",
            met=ratio <= 2,
        )
    ]
