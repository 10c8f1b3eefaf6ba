"""From an object as the API server sends it to the fact that is kept of it.

Every object of every watch comes through here, before anything else is done with it,
so it is plain dictionary work: about 20 µs each.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from inferry_controller.names import (
    COMPONENT_LABEL,
    FIELD_MANAGER,
    REVISION_LABEL,
    SERVICE_LABEL,
)
from inferry_controller.observing._pods import pod
from inferry_controller.observing.facts import (
    KNATIVE,
    DeploymentFact,
    EventFact,
    Fact,
    GatewayFact,
    Observed,
    RouteFact,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Object = dict[str, Any]

#: What others write into the annotations of what we made.
_ANNOTATIONS_OF_OTHERS = frozenset(
    {
        "deployment.kubernetes.io/revision",
        "kubectl.kubernetes.io/last-applied-configuration",
    }
)
_NOT_ASKED_FOR = frozenset({"apiVersion", "kind", "metadata", "status", "spec"})
_DIGEST_BYTES = 12
_encode = msgspec.json.Encoder(order="sorted").encode


def project(kind: str, obj: _Object) -> Fact:
    """Return what is kept of *obj*, which is of *kind*; kinds unknown give a `Fact`.

    A Knative Service, which shares its kind with that of Kubernetes, is of the kind
    `KNATIVE`, and told by its ``apiVersion``, too.
    """
    if kind == "Service" and str(obj.get("apiVersion")).startswith("serving.knative"):
        kind = KNATIVE
    maker = _MAKERS.get(kind)
    return maker(kind, obj) if maker is not None else Fact(**_fields(kind, obj))


def event(obj: _Object) -> EventFact:
    """Return what is kept of an event, of either API group."""
    about = obj.get("regarding") or obj.get("involvedObject") or {}
    series = obj.get("series") or {}
    return EventFact(
        kind=about.get("kind", ""),
        name=about.get("name", ""),
        reason=obj.get("reason") or "",
        message=obj.get("note") or obj.get("message") or "",
        warning=obj.get("type") == "Warning",
        count=series.get("count") or obj.get("deprecatedCount") or obj.get("count", 1),
        last=series.get("lastObservedTime")
        or obj.get("deprecatedLastTimestamp")
        or obj.get("lastTimestamp")
        or obj.get("eventTime")
        or "",
    )


def live(obj: _Object) -> bytes:
    """Return a digest of what *obj* holds of what we may have asked for.

    Two objects with equal digests need no apply; one edited by hand has another.
    """
    metadata = obj["metadata"]
    annotations = metadata.get("annotations")
    if annotations and not _ANNOTATIONS_OF_OTHERS.isdisjoint(annotations):
        annotations = {
            key: value
            for key, value in annotations.items()
            if key not in _ANNOTATIONS_OF_OTHERS
        }
    spec = obj.get("spec")
    if spec and "replicas" in spec and not _owns_replicas(metadata):
        spec = {key: value for key, value in spec.items() if key != "replicas"}
    rest = {key: value for key, value in obj.items() if key not in _NOT_ASKED_FOR}
    owners = [each.get("uid") for each in metadata.get("ownerReferences", ())]
    told = (metadata.get("labels"), annotations, owners, spec, rest)
    return blake2b(_encode(told), digest_size=_DIGEST_BYTES).digest()


def _owns_replicas(metadata: _Object) -> bool:
    """Say whether the number is ours: an autoscaler's, or a user's, is none of ours."""
    return any(
        entry.get("manager") == FIELD_MANAGER
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in metadata.get("managedFields", ())
    )


#: Keeps one string for all facts that say the same: they are kept by the thousand.
_once = sys.intern


def _fields(kind: str, obj: _Object, *, digest: bool = True) -> dict[str, Any]:
    metadata = obj["metadata"]
    owner: _Object = next(
        (o for o in metadata.get("ownerReferences", ()) if o.get("controller")), {}
    )
    return {
        "kind": kind,
        "namespace": _once(metadata.get("namespace", "")),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "version": metadata.get("resourceVersion", ""),
        "service": _once(metadata.get("labels", {}).get(SERVICE_LABEL, "")),
        "owner": _once(owner.get("uid", "")),
        "live": live(obj) if digest else b"",
    }


def _deployment(kind: str, obj: _Object) -> DeploymentFact:
    metadata, spec = obj["metadata"], obj.get("spec", {})
    labels, status = metadata.get("labels", {}), obj.get("status") or {}
    return DeploymentFact(
        **_fields(kind, obj),
        component=_once(labels.get(COMPONENT_LABEL, "")),
        revision=_once(labels.get(REVISION_LABEL, "")),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        wanted=spec.get("replicas", 1),
        replicas=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        available=status.get("availableReplicas", 0),
        conditions=_conditions(status.get("conditions")),
    )


def _knative(kind: str, obj: _Object) -> DeploymentFact:
    return msgspec.structs.replace(_deployment(kind, obj), wanted=0)


def _pod(kind: str, obj: _Object) -> Fact:
    return pod(_fields(kind, obj, digest=False), obj)


def _http_route(kind: str, obj: _Object) -> RouteFact:
    """Merge what is said for each parent: the worst is what counts."""
    named = {_parent(each) for each in obj.get("spec", {}).get("parentRefs", ())}
    parents = [
        each
        for each in (obj.get("status") or {}).get("parents") or ()
        if _parent(each.get("parentRef", {})) in named
    ]
    said = [each for parent in parents for each in parent.get("conditions") or ()]
    return RouteFact(
        **_fields(kind, obj),
        generation=obj["metadata"].get("generation", 0),
        accepted_generation=min(
            (each.get("observedGeneration", 0) for each in said), default=0
        ),
        parents=len(parents),
        conditions=_worst(_conditions(said)),
    )


def _parent(reference: Mapping[str, Any]) -> tuple[str, str]:
    return reference.get("name", ""), reference.get("sectionName", "")


def _worst(conditions: Iterable[Observed]) -> tuple[Observed, ...]:
    order = {"False": 0, "Unknown": 1}
    found: dict[str, Observed] = {}
    for each in sorted(conditions, key=lambda one: order.get(one.status, 2)):
        found.setdefault(each.type, each)
    return tuple(found.values())


def _ingress(kind: str, obj: _Object) -> RouteFact:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    return RouteFact(
        **_fields(kind, obj),
        generation=obj["metadata"].get("generation", 0),
        addresses=_addresses(balancer.get("ingress"), "ip", "hostname"),
    )


def _gateway(kind: str, obj: _Object) -> GatewayFact:
    status = obj.get("status") or {}
    return GatewayFact(
        **_fields(kind, obj),
        conditions=_conditions(status.get("conditions")),
        addresses=_addresses(status.get("addresses"), "value"),
    )


def _addresses(entries: Iterable[_Object] | None, *keys: str) -> tuple[str, ...]:
    found = (next((e[k] for k in keys if e.get(k)), "") for e in entries or ())
    return tuple(filter(None, found))


def _conditions(conditions: Iterable[_Object] | None) -> tuple[Observed, ...]:
    return tuple(
        Observed(
            type=_once(each["type"]),
            status=_once(each["status"]),
            reason=_once(each.get("reason") or ""),
            message=_once(each.get("message") or ""),
        )
        for each in conditions or ()
    )


_MAKERS: dict[str, Callable[[str, _Object], Fact]] = {
    "Deployment": _deployment,
    KNATIVE: _knative,
    "Pod": _pod,
    "HTTPRoute": _http_route,
    "Ingress": _ingress,
    "Gateway": _gateway,
}
