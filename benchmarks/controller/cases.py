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
    passes,
    quiet,
    server_cpu,
    service,
    started,
    writes,
)
from data_plane.rounds import say
from inferry_controller.kube.client import Client
from inferry_controller.kube.kinds import DEPLOYMENT, INFERENCE_SERVICE

if TYPE_CHECKING:
    from bed.cluster import Cluster
    from controller.targets import Numbers

_IN_FLIGHT = 16
_WAIT = 600.0
_MIB = 2**20
_IDLE_SECONDS = 10
_EDITS = 5


def made(running: Cluster, count: int) -> Numbers:
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


def stored(running: Cluster, count: int) -> Numbers:
    """Make *count* services, of which the cluster makes no pods."""
    with started(running) as controller:
        asyncio.run(_create(running, count))
        asyncio.run(_all(running, count, _is_told))
        quiet(controller)
        return {"memory": controller.usage.memory / _MIB}


def restarted(running: Cluster, count: int) -> Numbers:
    """Start a controller on what another one left, until it went through all of it."""
    begun = time.monotonic()
    with started(running) as controller:
        ready, cpu = time.monotonic() - begun, controller.usage.cpu
        while passes(controller) < count:
            if time.monotonic() - begun > _WAIT:
                raise TimeoutError(f"{passes(controller):,.0f} of {count:,} passes")
            time.sleep(0.05)
        seconds = time.monotonic() - begun
        quiet(controller)
        return {
            "ready": ready,
            "seconds": seconds,
            "pass": controller.usage.cpu - cpu,
            "writes": writes(controller),
            "memory": controller.usage.memory / _MIB,
        }


def idle(running: Cluster) -> Numbers:
    """Watch a controller that has nothing to do."""
    with started(running) as controller:
        quiet(controller)
        before = controller.usage.cpu
        time.sleep(_IDLE_SECONDS)
        return {"core": (controller.usage.cpu - before) / _IDLE_SECONDS * 100}


def edited(running: Cluster) -> Numbers:
    """Edit services while a controller that was just started goes through them all."""
    with started(running) as controller:
        times = asyncio.run(_edit(running))
        quiet(controller)
        return {"milliseconds": max(times) * 1e3, "least": min(times) * 1e3}


def applied(running: Cluster, count: int, per_second: float) -> Numbers:
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


async def _edit(running: Cluster) -> list[float]:
    """Return the seconds from each edit's answer to the Deployment that has it."""
    uri = f"s3://models/{time.time():.0f}"
    change = {"spec": {"predictor": {"model": {"storageUri": uri}}}}
    times = []
    async with Client.connect(str(running.kubeconfig)) as client:
        for number in range(_EDITS):
            name = f"m{number:05}"
            await client.patch(INFERENCE_SERVICE, NAMESPACE, name, change)
            begun = time.monotonic()
            while True:
                found = await client.get(DEPLOYMENT, NAMESPACE, f"{name}-predictor")
                if uri in str(found["spec"]["template"]):
                    times.append(time.monotonic() - begun)
                    break
                await asyncio.sleep(0.002)
    return times


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
