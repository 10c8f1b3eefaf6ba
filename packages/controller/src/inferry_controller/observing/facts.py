"""What is kept of each object that belongs to a service.

A watched object is projected to one of these before it is stored, so that 10,000
services with all their children fit into little memory. Two projections that are equal
mean that nothing happened which anybody here cares about.
"""

from __future__ import annotations

import msgspec

#: The kind of a Knative Service, apart from that of Kubernetes' own.
KNATIVE = "serving.knative.dev/Service"


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
    ``started`` says that its startup probe has succeeded; ``memory`` is its limit.
    """

    name: str
    image: str = ""
    memory: str = ""
    init: bool = False
    state: str = "waiting"
    ready: bool = False
    started: bool = False
    restarts: int = 0
    reason: str = ""
    message: str = ""
    exit_code: int = 0
    last_reason: str = ""
    last_message: str = ""
    last_exit_code: int = 0


class PodFact(Fact, frozen=True, kw_only=True, gc=False):
    """A pod and all that can keep it from being ready.

    ``app`` is the label that its Deployment selects by, as `names.app_label` makes it.
    ``created`` and ``ended`` are times as Kubernetes writes them; a pod that has not
    failed has no ``ended``.
    """

    component: str = ""
    revision: str = ""
    app: str = ""
    phase: str = "Pending"
    ready: bool = False
    ending: bool = False
    node: str = ""
    reason: str = ""
    message: str = ""
    created: str = ""
    ended: str = ""
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


class GatewayFact(Fact, frozen=True, kw_only=True, gc=False):
    """The Gateway that routes name as their parent."""

    conditions: tuple[Observed, ...] = ()
    addresses: tuple[str, ...] = ()


class EventFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event of Kubernetes about one of these objects."""

    kind: str
    name: str
    reason: str
    message: str
    warning: bool = False
    count: int = 1
    last: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one service's objects.

    ``events`` and ``progress`` (the share of its model that a pod has fetched, by the
    pod's name) cost calls, so they are there only where `Observation.unclear` asked for
    them. ``gateway`` is None where it is not there, and where nobody looked:
    ``gateway_known`` tells the two apart.
    """

    deployments: tuple[DeploymentFact, ...] = ()
    pods: tuple[PodFact, ...] = ()
    routes: tuple[RouteFact, ...] = ()
    events: tuple[EventFact, ...] = ()
    progress: dict[str, float] = {}
    gateway: GatewayFact | None = None
    gateway_known: bool = False


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Which revisions of the predictor came, were ready and got all the traffic.

    ``created`` is the newest, ``ready`` the newest that was ready once, ``rolled`` the
    last one that took the traffic of a finished rollout, ``previous`` the one before
    it, kept for a rollback. Each is a `RevisionPlan.name`, empty where there is none.
    """

    created: str = ""
    ready: str = ""
    rolled: str = ""
    previous: str = ""
