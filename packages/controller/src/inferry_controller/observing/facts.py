"""What is kept of each object that belongs to a service.

A watched object is projected to one of these before it is stored, so that 10,000
services with all their children fit into little memory. Two projections that are equal
mean that nothing happened which anybody here cares about.
"""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every projected object has.

    ``service`` is the InferenceService it belongs to, from its labels. ``live`` is a
    digest of what the API server holds of what we may have asked for: everything but
    status, managed fields and what others own (replicas of a scaled Deployment).
    """

    kind: str
    namespace: str
    name: str
    uid: str
    version: str
    service: str = ""
    owner: str = ""
    live: bytes = b""


class Observed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One condition of an object's status, as Kubernetes wrote it."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class DeploymentFact(Fact, frozen=True, kw_only=True, gc=False):
    """A Deployment (or Knative Service, whose numbers are 0) and how far it is."""

    component: str = ""
    revision: str = ""
    generation: int = 0
    observed_generation: int = 0
    wanted: int = 1
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    conditions: tuple[Observed, ...] = ()


class ContainerFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One container of a pod, with how it ended the last time.

    ``state`` is waiting, running or terminated; ``reason``, ``message`` and
    ``exit_code`` are those of the state, ``last_*`` those of the state before.
    """

    name: str
    init: bool = False
    state: str = "waiting"
    ready: bool = False
    restarts: int = 0
    reason: str = ""
    message: str = ""
    exit_code: int = 0
    last_reason: str = ""
    last_message: str = ""
    last_exit_code: int = 0


class PodFact(Fact, frozen=True, kw_only=True, gc=False):
    """A pod and all that can keep it from being ready."""

    component: str = ""
    revision: str = ""
    phase: str = "Pending"
    ready: bool = False
    ending: bool = False
    node: str = ""
    reason: str = ""
    message: str = ""
    created: str = ""
    conditions: tuple[Observed, ...] = ()
    containers: tuple[ContainerFact, ...] = ()


class RouteFact(Fact, frozen=True, kw_only=True, gc=False):
    """An HTTPRoute or Ingress; ``conditions`` are those of its one parent.

    ``accepted_generation`` is the oldest generation that all of them speak of.
    """

    generation: int = 0
    accepted_generation: int = 0
    parents: int = 0
    conditions: tuple[Observed, ...] = ()
    addresses: tuple[str, ...] = ()


class ScalerFact(Fact, frozen=True, kw_only=True, gc=False):
    """An HPA or ScaledObject."""

    current: int = 0
    desired: int = 0
    conditions: tuple[Observed, ...] = ()


class EventFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event of Kubernetes about one of these objects."""

    kind: str
    name: str
    reason: str
    message: str
    warning: bool = False
    count: int = 1
    last: str = ""
