"""`ServingPlan`: everything a backend needs to serve one InferenceService.

Plain frozen data with no names left to look up: the same documents, plugins and
settings always give the same plan, and two plans are equal when nothing has to change.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from inferry.storage import Source  # noqa: TC001 - msgspec reads it at run time

Component = Literal["predictor", "transformer", "explainer"]
Scope = Literal["namespace", "cluster", "plugin"]


class RuntimeChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which runtime was chosen, where it comes from, and why.

    ``plugin`` and ``version`` are the distribution's; empty for a runtime from YAML.
    """

    name: str
    scope: Scope
    plugin: str = ""
    version: str = ""
    why: str = ""


class ModelPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The model that a component serves.

    ``target`` is the ``module:attribute`` of an `inferry.model.Model`, empty where only
    a container can serve it. ``options`` are the runtime's options by camelCase name,
    converted to their types; every option the runtime declares is present.
    """

    name: str
    format: str
    format_version: str = ""
    target: str = ""
    options: dict[str, Any] = {}


class ScalingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas, and what decides; ``maximum`` 0 is no limit.

    ``target`` is what the policy aims at, in the unit of ``metric``: per cent for cpu
    and memory, requests at one time for concurrency, requests per second for rps.
    ``written_maximum`` is maxReplicas as it stands in the document.
    ``metrics`` are what the policy needs collected beyond the usual signals.
    ``triggers`` and ``behavior`` are autoScaling's as written, ``metric_type`` is
    scaleMetricType. ``asked`` is whether the document or an annotation asks for scaling
    in words, and not by maxReplicas alone.
    """

    minimum: int = 1
    maximum: int = 0
    written_maximum: int = 0
    policy: str = "none"
    metric: str = ""
    target: float | None = None
    metrics: tuple[str, ...] = ()
    metric_type: str = ""
    triggers: tuple[dict[str, Any], ...] = ()
    behavior: dict[str, Any] | None = None
    asked: bool = False
    why: str = ""


class ComponentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one revision.

    ``container`` is the merged ``kserve-container`` with placeholders replaced, ``pod``
    the rest of the merged pod spec, both as Kubernetes spells them.
    ``timeout`` is in seconds, ``concurrency`` the most requests a replica takes at once
    (0: no limit). ``strategy`` is deploymentStrategy as written,
    ``storage_container`` is storageContainerName, and ``confidential`` says how a model
    is decrypted.
    """

    component: Component
    runtime: RuntimeChoice | None = None
    model: ModelPlan | None = None
    sources: tuple[Source, ...] = ()
    storage_backends: tuple[str, ...] = ()
    protocol: str = "v1"
    protocols: tuple[str, ...] = ()
    container: dict[str, Any] = {}
    pod: dict[str, Any] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    scaling: ScalingPlan = ScalingPlan()
    timeout: float | None = None
    concurrency: int = 0
    batcher: dict[str, Any] | None = None
    logger: dict[str, Any] | None = None
    strategy: dict[str, Any] | None = None
    storage_container: str = ""
    confidential: dict[str, Any] = {}


class RevisionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable revision and its share of the traffic.

    ``name`` is a hash of what the revision serves, so that an edit that changes nothing
    makes no new revision. ``percent`` is None for "whatever the others leave".
    ``variant`` is the canary's name, empty for the stable predictor.
    """

    name: str
    components: tuple[ComponentPlan, ...]
    percent: int | None = None
    variant: str = ""

    def component(self, name: Component) -> ComponentPlan | None:
        """Return the component called *name*, or None."""
        return next((part for part in self.components if part.component == name), None)


class Unhonoured(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the document that this backend cannot honour."""

    path: str
    why: str
    fatal: bool = False


class ServingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend serves for one InferenceService.

    ``host`` is the host name KServe would publish, ``path`` its path on a shared host.
    ``hosts`` are those of the single components, of each that has a possible one.
    ``stopped`` is KServe's stop annotation. ``canary_percent`` is the share of the
    newest revision while an older one is kept, None when it takes all.
    """

    namespace: str
    name: str
    host: str
    path: str
    revisions: tuple[RevisionPlan, ...]
    hosts: dict[Component, str] = {}
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    canary_percent: int | None = None
    stopped: bool = False
    unhonoured: tuple[Unhonoured, ...] = ()

    @property
    def key(self) -> str:
        """``namespace/name``, unique within a backend."""
        return f"{self.namespace}/{self.name}"
