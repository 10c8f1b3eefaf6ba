from __future__ import annotations

import httpx
import pytest
from inferry_controller.kube.health import HealthServer
from inferry_controller.kube.metrics import Metrics
from inferry_controller.kube.queue import RESYNC, Queue

from inferry.errors import BackendError


async def test_probes_say_what_is_wrong() -> None:
    wrong = ""
    server = HealthServer(
        alive={"ping": lambda: ""},
        ready={"caches": lambda: wrong, "other": lambda: ""},
        metrics=lambda: b"a_metric 1\n",
    )
    await server.start()
    try:
        url = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.text) == (200, "ok")
            wrong = "waiting for pods"
            unready = await client.get("/readyz")
            assert unready.status_code == 503
            assert unready.text.splitlines() == [
                "[-]caches failed: waiting for pods",
                "[+]other ok",
            ]
            alive = await client.get("/healthz?verbose")
            assert (alive.status_code, alive.text) == (200, "[+]ping ok\n")
            metrics = await client.get("/metrics")
            assert metrics.text == "a_metric 1\n"
            assert metrics.headers["Content-Type"].startswith("text/plain")
            assert (await client.get("/")).status_code == 404
            assert (await client.post("/healthz")).status_code == 405
    finally:
        await server.stop()


async def test_a_port_that_is_taken_is_said_so() -> None:
    def nothing() -> bytes:
        return b""

    first = HealthServer(alive={}, ready={}, metrics=nothing)
    await first.start()
    try:
        second = HealthServer(port=first.port, alive={}, ready={}, metrics=nothing)
        with pytest.raises(BackendError, match=f"127.0.0.1:{first.port}"):
            await second.start()
    finally:
        await first.stop()


async def test_metrics_follow_queue_and_workers() -> None:
    metrics = Metrics()
    queue: Queue[str] = Queue()
    queue.meter = metrics.queue("services", queue)  # type: ignore[arg-type]
    meter = metrics.work("services", 4)
    queue.add("a")
    queue.add("b", priority=RESYNC)
    await queue.get()
    meter.began()
    for result in ("success", "panic", "timeout", "terminal", "error"):
        meter.ended(result, 0.1)
    metrics.called("GET", "200", "cluster:443")
    shown = metrics.exposition().decode()
    labels = 'controller="services"'
    for line in (
        f'workqueue_depth{{{labels},name="services",priority="-100"}} 1.0',
        f'workqueue_adds_total{{{labels},name="services"}} 2.0',
        f'controller_runtime_reconcile_total{{{labels},result="success"}} 1.0',
        f'controller_runtime_reconcile_total{{{labels},result="error"}} 4.0',
        f"controller_runtime_reconcile_errors_total{{{labels}}} 4.0",
        f"controller_runtime_reconcile_panics_total{{{labels}}} 1.0",
        f"controller_runtime_reconcile_timeouts_total{{{labels}}} 1.0",
        f"controller_runtime_terminal_reconcile_errors_total{{{labels}}} 1.0",
        f"controller_runtime_max_concurrent_reconciles{{{labels}}} 4.0",
        'rest_client_requests_total{code="200",host="cluster:443",method="GET"} 1.0',
    ):
        assert line in shown, line
