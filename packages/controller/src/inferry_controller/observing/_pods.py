"""What is kept of a pod."""

from __future__ import annotations

from typing import Any

from inferry_controller.names import APP_LABEL, COMPONENT_LABEL, REVISION_LABEL
from inferry_controller.observing.facts import ContainerFact, Observed, PodFact

_Object = dict[str, Any]
_WAITING: _Object = {"waiting": {}}
#: The conditions that explain a pod; others are those of readiness gates.
_FAILED = "Failed"


def pod(fields: dict[str, Any], obj: _Object) -> PodFact:
    """Return the fact of the pod *obj*; *fields* are those that every fact has."""
    metadata, spec, status = obj["metadata"], obj.get("spec", {}), obj.get("status", {})
    labels = metadata.get("labels", {})
    conditions = status.get("conditions") or ()
    ready: _Object = next((c for c in conditions if c["type"] == "Ready"), {})
    failed = status.get("phase") == _FAILED
    return PodFact(
        **fields,
        component=labels.get(COMPONENT_LABEL, ""),
        revision=labels.get(REVISION_LABEL, ""),
        app=labels.get(APP_LABEL, ""),
        phase=status.get("phase", "Pending"),
        ready=ready.get("status") == "True",
        ending="deletionTimestamp" in metadata,
        node=spec.get("nodeName", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        created=metadata.get("creationTimestamp", ""),
        ended=ready.get("lastTransitionTime") or "" if failed else "",
        # What is True needs no explanation; a condition that is not there, neither.
        conditions=tuple(
            Observed(
                type=each["type"],
                status=each["status"],
                reason=each.get("reason", ""),
                message=each.get("message", ""),
            )
            for each in conditions
            if each["status"] != "True" or each["type"] == "DisruptionTarget"
        ),
        containers=(
            *_containers(spec, status, "initContainers", init=True),
            *_containers(spec, status, "containers", init=False),
        ),
    )


def _containers(
    spec: _Object, status: _Object, key: str, *, init: bool
) -> list[ContainerFact]:
    statuses = status.get("initContainerStatuses" if init else "containerStatuses")
    by_name = {each["name"]: each for each in statuses or ()}
    return [
        _container(each, by_name.get(each["name"], {}), init=init)
        for each in spec.get(key) or ()
    ]


def _container(spec: _Object, status: _Object, *, init: bool) -> ContainerFact:
    # One key of three: waiting, running, terminated.
    name, now = next(iter((status.get("state") or _WAITING).items()))
    last = (status.get("lastState") or {}).get("terminated") or {}
    limits = (spec.get("resources") or {}).get("limits") or {}
    return ContainerFact(
        name=spec["name"],
        image=spec.get("image", ""),
        memory=str(limits.get("memory", "")),
        init=init,
        state=name,
        ready=bool(status.get("ready")),
        # Without a startup probe it is True as soon as the process runs.
        started=bool(status.get("started")) and "startupProbe" in spec,
        restarts=status.get("restartCount", 0),
        reason=now.get("reason", ""),
        message=now.get("message", ""),
        exit_code=now.get("exitCode", 0),
        last_reason=last.get("reason", ""),
        last_message=last.get("message", ""),
        last_exit_code=last.get("exitCode", 0),
    )
