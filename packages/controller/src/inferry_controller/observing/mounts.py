"""What events tell of a pod whose containers do not begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.status import Reason
from inferry_controller.observing.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry_controller.observing.facts import EventFact, PodFact

_MISSING = (
    (re.compile(r'secrets? "([^"]+)" not found'), Reason.SecretNotFound, "Secret"),
    (
        re.compile(r'configmaps? "([^"]+)" not found'),
        Reason.ConfigMapNotFound,
        "ConfigMap",
    ),
    (
        re.compile(r'persistentvolumeclaims? "([^"]+)" not found'),
        Reason.VolumeNotFound,
        "PersistentVolumeClaim",
    ),
)
_KEYS = re.compile(r"references non-existent (secret|config) key: ?(\S+)")
_VOLUME = re.compile(r'volume "([^"]+)"')
_MOUNTING = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_SANDBOX = "FailedCreatePodSandBox"
_VAGUE = frozenset({Reason.VolumeNotMounted, Reason.ContainerRefused})
#: A kubelet that is busy, or that says what it has said before: neither is a cause.
_SLOW = re.compile(r"failed to sync \w+ cache|timed out waiting for the condition")
_PROBE = re.compile(r"^(Startup|Readiness|Liveness) probe failed: (.+)", re.DOTALL)
#: A probe's text may hold a whole page of HTML.
_LONGEST = 200


def of_events(pod: PodFact, events: Iterable[EventFact]) -> Trouble | None:
    """Return why the containers of *pod* do not begin, as its events tell."""
    found = [
        trouble
        for event in events
        if event.kind in {"", "Pod"} and event.name == pod.name
        if (trouble := _of_event(event)) is not None
    ]
    # What names an object that is not there tells more than what came of it.
    named = [each for each in found if each.reason not in _VAGUE]
    return next(reversed(named or found), None)


def _of_event(event: EventFact) -> Trouble | None:
    if event.reason in _MOUNTING:
        return None if _SLOW.search(event.message) else _of_mount(event.message)
    if event.reason == _SANDBOX:
        message = f"the node cannot start the pod: {_short(event.message)}"
        return Trouble(reason=Reason.ContainerRefused, message=message)
    return None


def probe_failure(pod: PodFact, events: Iterable[EventFact]) -> str:
    """Return what the last failed probe of *pod* got as an answer, if any failed."""
    for event in events:
        if event.name == pod.name and event.reason == "Unhealthy":
            found = _PROBE.match(event.message)
            if found:
                return f"{found[1].lower()} probe: {_short(found[2])}"
    return ""


def missing(message: str) -> Trouble | None:
    """Return which object *message* says is not there, if it says such a thing."""
    for pattern, reason, kind in _MISSING:
        found = pattern.search(message)
        if found:
            name = found[1].rpartition("/")[2]
            return Trouble(reason=reason, message=f"there is no {kind} {name!r}")
    return None


def key_remedy(kind: str) -> str:
    """Return what to do where an object is there, and not the key in it."""
    return f"add the key to the {kind}, or correct the key that the pod asks for"


def _of_mount(message: str) -> Trouble:
    found = missing(message)
    if found is not None:
        return found
    key = _KEYS.search(message)
    if key:
        kind = "Secret" if key[1] == "secret" else "ConfigMap"
        reason = Reason.SecretNotFound if key[1] == "secret" else None
        return Trouble(
            reason=reason or Reason.ConfigMapNotFound,
            message=f"a {kind} that the pod mounts has no key {key[2]!r}",
            remedy=key_remedy(kind),
        )
    volume = _VOLUME.search(message)
    name = f" {volume[1]!r}" if volume else ""
    return Trouble(
        reason=Reason.VolumeNotMounted,
        message=f"the volume{name} cannot be mounted: {_short(message)}",
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
