"""What the gateway adds to a request, at a fixed rate, against the replica itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
from measure import Row, free_port

if TYPE_CHECKING:
    from service import Iris

RATE = 100


async def _send(client: httpx.AsyncClient, url: str, iris: Iris) -> float:
    began = time.perf_counter()
    response = await client.post(url, json=iris.body)
    taken = time.perf_counter() - began
    if response.json().get("predictions") != iris.answer:
        message = f"wrong answer from {url}: {response.text[:200]}"
        raise RuntimeError(message)
    return taken


async def at_rate(
    urls: dict[str, str], iris: Iris, seconds: int
) -> dict[str, list[float]]:
    """Ask each url *RATE* times a second, alternating windows of one second."""
    times: dict[str, list[float]] = {name: [] for name in urls}
    async with httpx.AsyncClient(timeout=10) as client:
        for _ in range(seconds):
            for name, url in urls.items():
                times[name] += await _window(client, url, iris)
    return times


async def _window(client: httpx.AsyncClient, url: str, iris: Iris) -> list[float]:
    began = time.perf_counter()
    tasks = []
    for number in range(RATE):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(_send(client, url, iris)))
    return list(await asyncio.gather(*tasks))


def added_latency(iris: Iris, seconds: int) -> list[Row]:
    """Serve iris, then compare the gateway with the replica behind it."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "inferry", "run", str(iris.yaml), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "INFERRY_PORT": str(port)},
    ) as process:
        try:
            replica = _replica(port)
            path = f"/v1/models/{iris.name}:predict"
            urls = {
                "replica": f"http://{replica}{path}",
                "gateway": f"http://127.0.0.1:{port}{path}",
            }
            asyncio.run(at_rate(urls, iris, 2))
            times = asyncio.run(at_rate(urls, iris, seconds))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    direct = statistics.median(times["replica"]) * 1e3
    through = statistics.median(times["gateway"]) * 1e3
    return [
        Row(
            what=f"gateway adds to iris at {RATE} requests/s, median",
            measured=f"{through - direct:.2f} ms ({through:.2f} - {direct:.2f})",
            target="<= 2 ms",
            met=through - direct <= 2,
        )
    ]


def _replica(port: int) -> str:
    """Wait until the service is Ready and return its replica's address."""
    command = [sys.executable, "-m", "inferry", "get", "-o", "json"]
    until = time.monotonic() + 120
    while time.monotonic() < until:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "INFERRY_PORT": str(port)},
        )
        items = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        services = [item["status"] for item in items]
        ready = [status for status in services if status["phase"] == "Ready"]
        if ready and ready[0]["endpoints"]:
            return str(ready[0]["endpoints"][0])
        time.sleep(0.5)
    message = "the service was not Ready within 120 s"
    raise RuntimeError(message)
