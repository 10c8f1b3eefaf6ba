"""What is measured: many services, restarts, edits, and doing nothing."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

from controller.world import (
    NAMESPACE,
    calls,
    quiet,
    server_cpu,
    service,
    started,
    writes,
)
from data_plane.rounds import say
from inferry_controller.kube.client import Client
from inferry_controller.kube.kinds import CONFIG_MAP, DEPLOYMENT, INFERENCE_SERVICE

if TYPE_CHECKING:
    from bed.cluster import Cluster
    from bed.controller import Controller

_IN_FLIGHT = 16
_WAIT = 600.0
_MIB = 2**20
_IDLE_SECONDS = 10
_BEGUN = 0.2
_CONFIG = ("inferry", "inferenceservice-config")


def made(running: Cluster, count: int) -> dict[str, float]:
    """Make *count* services and wait until all are Ready."""
    with started(running) as controller:
        before = controller.usage.cpu, server_cpu(running), calls(controller)
        begun = time.monotonic()
        asyncio.run(_create(running, count))
        say(f"{count:,} services applied after {time.monotonic() - begun:.1f} s")
        asyncio.run(_all(running, count, _is_ready))
        seconds = time.monotonic() - begun
        quiet(controller)
        after = controller.usage.cpu, server_cpu(running), calls(controller)
        return {
            "seconds": seconds,
            "controller CPU": (after[0] - before[0]) / count * 1e3,
            "API server CPU": (after[1] - before[1]) / count * 1e3,
            "calls": (after[2] - before[2]) / count,
            "memory": controller.usage.memory / _MIB,
        }


def stored(running: Cluster, count: int) -> dict[str, float]:
    """Make *count* services, of which the cluster makes no pods."""
    with started(running) as controller:
        asyncio.run(_create(running, count))
        asyncio.run(_all(running, count, _is_told))
        quiet(controller)
        return {"memory": controller.usage.memory / _MIB}


def restarted(running: Cluster) -> dict[str, float]:
    """Start a controller on what another one left."""
    begun = time.monotonic()
    with started(running) as controller:
        ready, cpu = time.monotonic() - begun, controller.usage.cpu
        quiet(controller)
        return {
            "seconds": ready,
            "pass": controller.usage.cpu - cpu,
            "writes": writes(controller),
            "memory": controller.usage.memory / _MIB,
        }


def idle(running: Cluster) -> dict[str, float]:
    """Watch a controller that has nothing to do."""
    with started(running) as controller:
        quiet(controller)
        before = controller.usage.cpu
        time.sleep(_IDLE_SECONDS)
        return {"core": (controller.usage.cpu - before) / _IDLE_SECONDS * 100}


def edited(running: Cluster) -> dict[str, float]:
    """Edit one service while a changed setting makes all of them be gone through."""
    with started(running) as controller:
        quiet(controller)
        return {"milliseconds": asyncio.run(_edit(running, controller)) * 1e3}


def applied(running: Cluster, count: int, per_second: float) -> dict[str, float]:
    """Apply services at a rate; time each from its apply to its Deployment."""
    with started(running) as controller:
        quiet(controller)
        times = sorted(asyncio.run(_paced(running, count, per_second)))
        return {
            "p50": statistics.median(times) * 1e3,
            "p99": times[min(int(len(times) * 0.99), len(times) - 1)] * 1e3,
        }


async def _create(running: Cluster, count: int) -> None:
    gate = asyncio.Semaphore(_IN_FLIGHT)

    async def one(client: Client, number: int) -> None:
        async with gate:
            await client.create(service(f"m{number:05}"))

    async with (
        Client.connect(str(running.kubeconfig)) as client,
        asyncio.TaskGroup() as group,
    ):
        for number in range(count):
            group.create_task(one(client, number))


async def _all(running: Cluster, count: int, done: Any) -> None:  # noqa: ANN401 - a predicate
    """Follow the services until *count* of them are *done*."""
    finished: set[str] = set()
    async with (
        asyncio.timeout(_WAIT),
        Client.connect(str(running.kubeconfig)) as client,
    ):
        async for line in client.watch(
            INFERENCE_SERVICE, NAMESPACE, seconds=int(_WAIT)
        ):
            event = json.loads(line)
            if event["type"] != "BOOKMARK" and done(event["object"]):
                finished.add(event["object"]["metadata"]["name"])
            if len(finished) >= count:
                return


def _is_told(obj: dict[str, Any]) -> bool:
    return bool((obj.get("status") or {}).get("conditions"))


def _is_ready(obj: dict[str, Any]) -> bool:
    return any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in (obj.get("status") or {}).get("conditions") or ()
    )


async def _edit(running: Cluster, controller: Controller) -> float:
    async with Client.connect(str(running.kubeconfig)) as client:
        found = await client.get(CONFIG_MAP, *_CONFIG)
        text = found["data"]["inferry.toml"]
        before = controller.usage.cpu
        surge = '\n[kubernetes]\nmax_surge = "37%"\n'
        change = {"data": {"inferry.toml": text + surge}}
        await client.patch(CONFIG_MAP, *_CONFIG, change)
        # The pass over all of them has begun once it takes CPU.
        while controller.usage.cpu - before < _BEGUN:  # noqa: ASYNC110 - of a process
            await asyncio.sleep(0.01)
        uri = "s3://models/edited"
        model = {"predictor": {"model": {"storageUri": uri}}}
        begun = time.monotonic()
        await client.patch(INFERENCE_SERVICE, NAMESPACE, "m00000", {"spec": model})
        while True:
            deployment = await client.get(DEPLOYMENT, NAMESPACE, "m00000-predictor")
            if uri in str(deployment["spec"]["template"]):
                taken = time.monotonic() - begun
                break
            await asyncio.sleep(0.002)
        await client.patch(CONFIG_MAP, *_CONFIG, {"data": {"inferry.toml": text}})
        return taken


async def _paced(running: Cluster, count: int, per_second: float) -> list[float]:
    sent: dict[str, float] = {}
    times: list[float] = []
    async with Client.connect(str(running.kubeconfig)) as client:

        async def follow() -> None:
            watch = client.watch(DEPLOYMENT, NAMESPACE, seconds=int(_WAIT))
            async for line in watch:
                event = json.loads(line)
                name = event["object"]["metadata"].get("name", "")
                begun = sent.pop(name.removesuffix("-predictor"), None)
                if begun is not None:
                    times.append(time.monotonic() - begun)
                if len(times) >= count:
                    return

        following = asyncio.create_task(follow())
        await asyncio.sleep(1)
        for number in range(count):
            name = f"paced{number:04}"
            sent[name] = time.monotonic()
            await client.apply(service(name), manager="kubectl")
            await asyncio.sleep(1 / per_second)
        async with asyncio.timeout(_WAIT):
            await following
    return times
