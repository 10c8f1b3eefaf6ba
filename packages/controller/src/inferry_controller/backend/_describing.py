"""``describe``: a service with its pods, what is wrong with each, and its events."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.backends import PodStatus
from inferry.errors import BackendError
from inferry_controller.backend._statuses import service_status
from inferry_controller.kube.errors import ApiError
from inferry_controller.kube.kinds import INFERENCE_SERVICE, POD
from inferry_controller.names import SERVICE_LABEL
from inferry_controller.observing.containers import FETCHER
from inferry_controller.observing.diagnosis import diagnose, is_fetching
from inferry_controller.observing.progress import fetched_share
from inferry_controller.observing.projection import event, project

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.backends import ServiceStatus
    from inferry_controller.kube.client import Client
    from inferry_controller.observing.facts import EventFact, PodFact

#: What of a log explains a failure, mostly.
_LINES = 5
_EVENTS = 20
_AT_A_TIME = 4


async def describe(client: Client, namespace: str, name: str) -> ServiceStatus:
    """Return the service *name* with all that can be said of it.

    Raises:
        BackendError: There is no such service.

    """
    found = await client.find(INFERENCE_SERVICE, namespace, name)
    if found is None:
        msg = f"there is no service {name!r} in the namespace {namespace!r}"
        raise BackendError(msg, remedy="`inferry get -A` lists what there is")
    objects = await client.list(POD, namespace, selector=f"{SERVICE_LABEL}={name}")
    events = await _events(client, namespace, name)
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def told(obj: dict[str, Any]) -> PodStatus:
        async with turns:
            return await _pod(client, obj, events)

    pods = await asyncio.gather(*(told(each) for each in objects))
    return msgspec.structs.replace(
        service_status(found),
        pods=tuple(sorted(pods, key=lambda each: each.name)),
        events=tuple(_line(each) for each in events[-_EVENTS:]),
        endpoints=tuple(_endpoints(objects)),
    )


async def _events(client: Client, namespace: str, name: str) -> list[EventFact]:
    """Return the events of the service and of what is named after it, oldest first."""
    try:
        found = [event(each) for each in await client.events(namespace)]
    except ApiError:
        # They are a help, and a right of their own.
        return []
    ours = [e for e in found if e.name == name or e.name.startswith(f"{name}-")]
    # Some have fractions of a second: "04Z" is before "04.3Z", which is less as text.
    return sorted(ours, key=lambda each: each.last.removesuffix("Z"))


def _line(found: EventFact) -> str:
    times = f" (x{found.count})" if found.count > 1 else ""
    text = " ".join(found.message.split())
    second = re.sub(r"\.\d+Z$", "Z", found.last)
    return f"{second} {found.kind} {found.name}: {found.reason}: {text}{times}"


async def _pod(
    client: Client, obj: dict[str, Any], events: Iterable[EventFact]
) -> PodStatus:
    pod: PodFact = project("Pod", obj)  # type: ignore[assignment]
    trouble = diagnose(pod, [each for each in events if each.name == pod.name])
    log: tuple[str, ...] = ()
    message = trouble.message if trouble else ""
    if trouble is not None and trouble.blocks and trouble.container:
        log = await _last_lines(client, pod, trouble.container)
    if is_fetching(pod):
        share = fetched_share(await _last_lines(client, pod, FETCHER))
        message += f": {share:.0%}" if share is not None else ""
    return PodStatus(
        name=pod.name,
        phase="Ending" if pod.ending else pod.phase,
        ready=pod.ready,
        restarts=sum(each.restarts for each in pod.containers),
        node=pod.node,
        reason=trouble.reason if trouble else "",
        message=message,
        log=log,
    )


async def _last_lines(client: Client, pod: PodFact, container: str) -> tuple[str, ...]:
    """Return how the log of *container* ends, of the run that failed."""
    found = next(each for each in pod.containers if each.name == container)
    if found.state == "waiting" and not found.restarts:
        return ()
    text = b""
    try:
        async for chunk in client.logs(
            pod.namespace,
            pod.name,
            container=container,
            previous=found.restarts > 0 and found.state == "waiting",
            tail=_LINES,
        ):
            text += chunk
    except ApiError:
        return ()
    return tuple(text.decode(errors="replace").splitlines()[-_LINES:])


def _endpoints(objects: Iterable[dict[str, Any]]) -> Iterable[str]:
    for each in objects:
        status = each.get("status", {})
        conditions = status.get("conditions") or ()
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        if ready and status.get("podIP"):
            yield str(status["podIP"])
