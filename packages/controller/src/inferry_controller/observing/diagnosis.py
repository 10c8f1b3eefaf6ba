"""`diagnose`: what keeps one pod from being ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.status import Reason
from inferry_controller.observing.containers import FETCHER, of_container
from inferry_controller.observing.mounts import of_events, probe_failure
from inferry_controller.observing.refusals import of_scheduler
from inferry_controller.observing.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_controller.observing.facts import EventFact, Observed, PodFact

#: Why a kubelet refuses or ends a whole pod.
_SHORT_OF = "OutOf"
_LOST = frozenset({"NodeLost", "NodeShutdown", "Shutdown", "Terminated"})
_ADMISSION = frozenset(
    {"UnexpectedAdmissionError", "NodeAffinity", "NodePorts", "PreemptContainer"}
)


def diagnose(pod: PodFact, events: Sequence[EventFact] = ()) -> Trouble | None:
    """Return what keeps *pod* from being ready; None if it is.

    What only needs time has a reason of `inferry.status` that waiting cures, so
    whatever is not ready has a trouble.
    """
    if pod.phase == "Failed":
        return _failed(pod)
    if pod.ready:
        return None
    scheduled = _condition(pod, "PodScheduled")
    if scheduled is not None and not pod.node:
        return _unscheduled(scheduled.reason, scheduled.message)
    for container in pod.containers:
        found = of_container(container)
        if found is not None:
            return found
    found = of_events(pod, events) if is_unclear(pod) else None
    return found or _under_way(pod, events)


def is_unclear(pod: PodFact) -> bool:
    """Say whether only events can tell what *pod* waits for."""
    if pod.ready or pod.ending or not pod.node or pod.phase == "Failed":
        return False
    # An init container that has ended well says nothing of those that wait for it.
    begun = any(
        each.state == "running" or (each.state != "waiting" and not each.init)
        for each in pod.containers
    )
    return not begun or _is_silent(pod)


def is_fetching(pod: PodFact) -> bool:
    """Say whether *pod* is fetching its model just now."""
    return any(c.name == FETCHER and c.state == "running" for c in pod.containers)


def _unscheduled(reason: str, message: str) -> Trouble:
    if reason == "SchedulingGated":
        text = "a scheduling gate holds the pod back"
        return Trouble(reason=Reason.Pending, message=text)
    return of_scheduler(message)


def _failed(pod: PodFact) -> Trouble:
    """Return why a pod ended that will never run again."""
    text = " ".join(pod.message.split())
    if pod.reason == "Evicted":
        message = f"pod {pod.name} was evicted: {text}"
        return Trouble(reason=Reason.Evicted, message=message)
    if pod.reason in _LOST:
        message = f"pod {pod.name} ended with its node {pod.node}: {text}"
        return Trouble(reason=Reason.NodeLost, message=message.rstrip(": "))
    if pod.reason.startswith(_SHORT_OF) or pod.reason in _ADMISSION:
        gpu = "gpu" in pod.reason.lower() or "gpu" in text.lower()
        short = Reason.InsufficientGPU if gpu else Reason.InsufficientResources
        return Trouble(
            reason=short, message=f"the node {pod.node} refused pod {pod.name}: {text}"
        )
    for container in pod.containers:
        found = of_container(container)
        if found is not None:
            return found
    disrupted = _condition(pod, "DisruptionTarget")
    if disrupted is not None:
        message = f"pod {pod.name} was taken away: {disrupted.message}"
        return Trouble(reason=Reason.NodeLost, message=message)
    message = f"pod {pod.name} ended: {text}".rstrip(": ")
    return Trouble(reason=Reason.ReplicaCrashed, message=message)


def _under_way(pod: PodFact, events: Sequence[EventFact]) -> Trouble:
    if not pod.node:
        return Trouble(reason=Reason.Pending, message="no node has been chosen yet")
    for container in pod.containers:
        if container.init and container.state == "running" and not container.started:
            if container.name == FETCHER:
                return Trouble(
                    reason=Reason.Downloading,
                    message="the model is being fetched",
                    container=FETCHER,
                )
            return Trouble(
                reason=Reason.Pending,
                message=f"the init container {container.name} runs",
                container=container.name,
            )
    return _of_server(pod, events)


def _of_server(pod: PodFact, events: Sequence[EventFact]) -> Trouble:
    servers = [each for each in pod.containers if not each.init]
    if not any(each.state == "running" for each in servers):
        return Trouble(reason=Reason.Pending, message="its containers are being made")
    if all(each.ready for each in servers):
        return _gated(pod)
    server = next(each for each in servers if not each.ready)
    if not server.started:
        return Trouble(
            reason=Reason.Loading,
            message="the model is being loaded",
            container=server.name,
        )
    answer = probe_failure(pod, events)
    return Trouble(
        reason=Reason.NotAnswering,
        message=f"container {server.name} runs, and its model does not answer"
        + (f": {answer}" if answer else ""),
        container=server.name,
    )


def _gated(pod: PodFact) -> Trouble:
    """Return why a pod is not ready all of whose containers are."""
    gates = [
        each.type
        for each in pod.conditions
        if each.type not in {"Ready", "ContainersReady", "DisruptionTarget"}
    ]
    if gates:
        message = f"the readiness gate {gates[0]} of the pod is not open"
        return Trouble(reason=Reason.Pending, message=message)
    # The control plane says so once the node has been silent for 40 s.
    return Trouble(reason=Reason.NodeLost, message=f"the node {pod.node} is silent")


def _is_silent(pod: PodFact) -> bool:
    return any(
        not each.init and each.state == "running" and each.started and not each.ready
        for each in pod.containers
    )


def _condition(pod: PodFact, kind: str) -> Observed | None:
    return next((each for each in pod.conditions if each.type == kind), None)
