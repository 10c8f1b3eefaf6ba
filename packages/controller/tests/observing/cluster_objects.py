"""Objects as an API server sends them, and the facts and plans made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import (
    APP_LABEL,
    COMPONENT_LABEL,
    FIELD_MANAGER,
    REVISION_LABEL,
    SERVICE_LABEL,
    app_label,
    component_name,
)
from inferry_controller.observing import Facts, project
from inferry_controller.rendering.placement import Placement

from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan

if TYPE_CHECKING:
    from inferry_controller.observing.facts import PodFact

    from inferry.planning import Component

Object = dict[str, Any]
NEW, OLD = "rev-new", "rev-old"
BORN = "2026-11-21T20:00:00Z"


def plan(
    *components: Component, revisions: tuple[str, ...] = (NEW,), **fields: Any
) -> ServingPlan:
    parts = tuple(ComponentPlan(component=c) for c in components or ("predictor",))
    return ServingPlan(
        namespace="team",
        name="iris",
        host="iris-team.example.com",
        path="/serving/team/iris",
        revisions=tuple(RevisionPlan(name=r, components=parts) for r in revisions),
        **fields,
    )


def placements(serving: ServingPlan, *weights: int) -> tuple[Placement, ...]:
    """Return the plan's revisions, the second and later in slots of their own."""
    shares = weights or (100,)
    return tuple(
        Placement(
            revision=each, slot=f"@{each.name}" if n else "", weight=share, main=not n
        )
        for n, (each, share) in enumerate(zip(serving.revisions, shares, strict=True))
    )


def deployment(
    component: str = "predictor",
    revision: str = NEW,
    *,
    slot: str = "",
    status: Object | None = None,
    **spec: Any,
) -> Object:
    name = component_name("iris", component, slot)  # type: ignore[arg-type]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "generation": 3,
            "labels": {
                SERVICE_LABEL: "iris",
                COMPONENT_LABEL: component,
                REVISION_LABEL: revision,
            },
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{"uid": "uid-iris", "controller": True}],
            "managedFields": [
                {
                    "manager": FIELD_MANAGER,
                    "operation": "Apply",
                    "fieldsV1": {"f:spec": {"f:replicas": {}}},
                }
            ],
        },
        "spec": {"replicas": 1, "template": {"spec": {}}, **spec},
        "status": {"observedGeneration": 3, **(status or {})},
    }


def pod(
    name: str = "iris-predictor-5d7f-x2",
    *,
    component: str = "predictor",
    revision: str = NEW,
    slot: str = "",
    ready: bool = False,
    **more: Any,
) -> Object:
    """Return a pod whose storage container is done and whose server runs.

    *more* are ``server`` and ``storage``, the statuses of the two containers;
    ``conditions``; and ``node``, ``phase``, ``reason`` and ``message``.
    """
    app = app_label(component_name("iris", component, slot))  # type: ignore[arg-type]
    conditions = [
        {
            "type": "Ready",
            "status": "True" if ready else "False",
            "lastTransitionTime": more.get("since", BORN),
        },
        *more.get("conditions", ()),
    ]
    status = {
        "phase": more.get("phase", "Running"),
        "conditions": conditions,
        **{key: more[key] for key in ("reason", "message") if key in more},
    }
    if more.get("node", "node1"):
        status["initContainerStatuses"] = [
            {"name": "storage-initializer", **more.get("storage", done())}
        ]
        status["containerStatuses"] = [
            {
                "name": "kserve-container",
                "ready": ready,
                "started": ready,
                **more.get("server", running()),
            }
        ]
    return {
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"uid-{name}",
            "resourceVersion": "9",
            "creationTimestamp": more.get("created", BORN),
            "labels": {
                SERVICE_LABEL: "iris",
                COMPONENT_LABEL: component,
                REVISION_LABEL: revision,
                APP_LABEL: app,
            },
        },
        "spec": {
            "nodeName": more.get("node", "node1"),
            "initContainers": [{"name": "storage-initializer", "image": "store:1"}],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": "acme:1",
                    "startupProbe": {},
                    "resources": {"limits": {"memory": "1Gi"}},
                }
            ],
        },
        "status": status,
    }


def running(**more: Any) -> Object:
    return {"state": {"running": {"startedAt": BORN}}, **more}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def done() -> Object:
    return {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}


def ended(code: int, message: str = "", reason: str = "Error") -> Object:
    told = {"exitCode": code, "reason": reason, "message": message}
    return {"state": {"terminated": told}}


def looping(code: int, message: str = "", reason: str = "Error") -> Object:
    return {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
        "lastState": {
            "terminated": {"exitCode": code, "reason": reason, "message": message}
        },
        "restartCount": 2,
    }


def route(
    *conditions: tuple[str, str, str, str], name: str = "iris", seen: int = 4
) -> Object:
    reference = {"name": "gateway", "namespace": "kserve"}
    told = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": seen,
        }
        for kind, status, reason, message in conditions
    ]
    parents = [{"parentRef": reference, "conditions": told}] if told else []
    return {
        "metadata": {"name": name, "namespace": "team", "generation": 4},
        "spec": {"parentRefs": [reference]},
        "status": {"parents": parents},
    }


ACCEPTED = (
    ("Accepted", "True", "Accepted", ""),
    ("ResolvedRefs", "True", "ResolvedRefs", ""),
)


def facts(**objects: list[Object]) -> Facts:
    """Return the facts of ``deployments``, ``pods`` and ``routes``."""
    kinds = {"deployments": "Deployment", "pods": "Pod", "routes": "HTTPRoute"}
    return Facts(
        **{
            key: tuple(project(kinds[key], each) for each in found)
            for key, found in objects.items()
        }  # type: ignore[arg-type]
    )


def pod_fact(*args: Any, **more: Any) -> PodFact:
    return project("Pod", pod(*args, **more))
