"""Canaries: KServe 0.20's list, and the older share of the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import _types
from inferry.api._names import DEPLOYMENT_MODE
from inferry.api._problems import Finding
from inferry.api._rules._parts import predictors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path
    from inferry.api._types import CanarySpec, InferenceService

_WHOLE = 100
# Canaries run a fixed number of replicas.
_FIXED = {
    "max_replicas": "maxReplicas",
    "scale_target": "scaleTarget",
    "scale_metric": "scaleMetric",
    "auto_scaling": "autoScaling",
}


def named(service: InferenceService) -> Iterator[Finding]:
    """Each canary of the list has a name of its own."""
    seen = {service.spec.predictor.name: "the stable predictor"}
    for index, canary in enumerate(_listed(service)):
        path: Path = ("spec", "canary", index, "predictor", "name")
        name = canary.predictor.name
        if not name:
            yield Finding(path, "is required: it names the canary's deployment")
        elif name in seen:
            yield Finding(path, f"{name!r} is the name of {seen[name]} too")
        seen.setdefault(name, f"canary[{index}]")


def shares(service: InferenceService) -> Iterator[Finding]:
    """The canaries' shares of the traffic are percentages and leave room."""
    total = 0
    for index, canary in enumerate(_listed(service)):
        percent = canary.traffic_percent
        total += max(percent, 0)
        if not 0 <= percent <= _WHOLE:
            path: Path = ("spec", "canary", index, "trafficPercent")
            yield Finding(path, f"is {percent}; it must be from 0 to 100")
    if total > _WHOLE:
        message = f"the shares of the canaries add up to {total}, more than 100"
        yield Finding(("spec", "canary"), message)


def replicas(service: InferenceService) -> Iterator[Finding]:
    """A canary's replicas are fixed, and no more than the stable predictor's."""
    stable = service.spec.predictor.min_replicas
    for index, canary in enumerate(_listed(service)):
        path: Path = ("spec", "canary", index, "predictor")
        for field, name in _FIXED.items():
            if getattr(canary.predictor, field) is not None:
                message = "cannot be set: a canary runs a fixed number of replicas"
                yield Finding((*path, name), message)
        low = canary.predictor.min_replicas
        if low is not None and low > (1 if stable is None else stable):
            most = 1 if stable is None else stable
            message = f"is {low}, more than the stable predictor's {most}"
            yield Finding((*path, "minReplicas"), message)


def setting(service: InferenceService) -> Iterator[Finding]:
    """Named canaries need mode Standard, one node, and a model to compare with."""
    canaries = _listed(service)
    if not canaries:
        return
    if service.metadata.annotations.get(DEPLOYMENT_MODE) in ("Knative", "ModelMesh"):
        message = "a list of canaries needs deploymentMode Standard"
        yield Finding(("spec", "canary"), message)
    stable = service.spec.predictor
    if stable.model is None and not stable.pod.get("containers"):
        message = "needs a stable predictor with a model"
        yield Finding(("spec", "canary"), message)
    for index, canary in enumerate(canaries):
        if canary.predictor.worker_spec is not None:
            path: Path = ("spec", "canary", index, "predictor", "workerSpec")
            yield Finding(path, "cannot be set: a canary runs on one node")


def percent(service: InferenceService) -> Iterator[Finding]:
    """The older ``canaryTrafficPercent`` is said once and has something to split."""
    spec = service.spec
    inner, outer = spec.predictor.canary_traffic_percent, spec.canary_traffic_percent
    path: Path = ("spec", "predictor", "canaryTrafficPercent")
    if inner is not None and outer is not None and inner != outer:
        message = f"is {inner}, but {outer} in spec, its older place, wins; keep one"
        yield Finding(path, message, severity="warning")
    if isinstance(spec.canary, list) and (inner is not None or outer is not None):
        where = path if inner is not None else ("spec", "canaryTrafficPercent")
        message = "cannot stand beside a list of canaries; each has its trafficPercent"
        yield Finding(where, message)
    if isinstance(spec.canary, _types.PredictorSpec) and inner is outer is None:
        message = "gets no traffic: add canaryTrafficPercent, spec.predictor's share"
        yield Finding(("spec", "canary"), message, severity="warning")


def inner_percent(service: InferenceService) -> Iterator[Finding]:
    """Only the stable predictor has ``canaryTrafficPercent``."""
    for path, predictor in predictors(service):
        stable = path == ("spec", "predictor")
        if not stable and predictor.canary_traffic_percent is not None:
            message = "has no meaning in a canary; set it in spec.predictor"
            yield Finding((*path, "canaryTrafficPercent"), message)


RULES = (named, shares, replicas, setting, percent, inner_percent)


def _listed(service: InferenceService) -> list[CanarySpec]:
    return service.spec.canary if isinstance(service.spec.canary, list) else []
