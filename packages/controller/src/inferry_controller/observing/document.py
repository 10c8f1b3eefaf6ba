"""`status_document`: the ``status`` that KServe's clients and our own read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry.status import (
    FATAL,
    Condition,
    ObservedIngress,
    ObservedRevision,
    Reason,
    conditions,
    phase,
    remedy,
)
from inferry_controller.observing.model_status import model_status
from inferry_controller.observing.traffic import Addresses, components, shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.planning import ServingPlan
    from inferry_controller.observing.components import ComponentState
    from inferry_controller.observing.observation import Observation
    from inferry_controller.rendering.placement import Placement

_EMPTY = ("", None)
_SCOPES = {"namespace": "servingRuntimeName"}
#: What stays of the status before where the newest document cannot be planned.
_KEPT = (
    "url",
    "address",
    "components",
    "deploymentMode",
    "servingRuntimeName",
    "clusterServingRuntimeName",
    "canaryStatuses",
    "runtime",
    "model",
)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a service could not be planned or applied: reason, message, what to do."""

    reason: str
    message: str
    remedy: str = ""


def status_document(
    observation: Observation,
    *,
    plan: ServingPlan | None,
    placements: Sequence[Placement] = (),
    addresses: Addresses,
    generation: int,
    previous: Mapping[str, Any],
    now: str,
    mode: str = "Standard",
    problem: Problem | None = None,
    notes: Sequence[str] = (),
    keep: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the whole ``status``; equal arguments give equal documents.

    Args:
        observation: What is so.
        plan: What should be; None where it cannot be planned.
        placements: Where the revisions run and their shares.
        addresses: Where it answers.
        generation: The service's ``metadata.generation`` that all this is about.
        previous: The status before; times of conditions that have not changed stay.
        now: The time of a change, as Kubernetes writes it.
        mode: The deployment mode.
        problem: Why it could not be planned or applied, if so.
        notes: Fields that have no effect, a line each.
        keep: What is kept for the controller's own use, below ``status.inferry``; its
            ``history`` names the revisions that were ready and rolled out.

    """
    newest = _newest(observation, problem)
    found = _conditions(observation, newest, previous, now, problem=problem)
    told: dict[str, Any] = {
        "observedGeneration": generation,
        "phase": phase(found),
        **_trouble(found, observation, newest),
        "conditions": [_condition(each) for each in found],
    }
    if plan is None:
        told |= {key: previous[key] for key in _KEPT if key in previous}
    elif not observation.stopped:
        told |= _place(plan, placements, observation, addresses, keep or {})
        told |= {"deploymentMode": mode, **_runtime(plan)}
        told |= _canaries(plan, placements, observation, previous, now)
    if not observation.stopped:
        told["modelStatus"] = model_status(
            newest,
            observation.of(newest.name).get("predictor"),
            serving=bool(observation.serving),
            previous=previous.get("modelStatus") or {},
            now=now,
        )
    if revisions := _revisions(plan, placements, observation):
        told["revisions"] = revisions
    if notes:
        told["unhonoured"] = list(notes)
    if keep:
        told["inferry"] = dict(keep)
    return told


def _newest(observation: Observation, problem: Problem | None) -> ObservedRevision:
    """Return the newest revision; what keeps it from being made is its own failure."""
    found = next(
        (each for each in observation.revisions if each.name == observation.latest),
        ObservedRevision(name=observation.latest, phase="Pending"),
    )
    if problem is None:
        return found
    return msgspec.structs.replace(
        found,
        phase="Failed" if problem.reason in FATAL else "Pending",
        reason=problem.reason,
        message=problem.message,
        remedy=problem.remedy,
    )


def _conditions(
    observation: Observation,
    newest: ObservedRevision,
    previous: Mapping[str, Any],
    now: str,
    *,
    problem: Problem | None,
) -> tuple[Condition, ...]:
    return conditions(
        observation.revisions,
        serving=observation.serving,
        latest=observation.latest,
        ingress=observation.ingress,
        components={} if problem and not observation.serving else _parts(observation),
        canaries=observation.canaries,
        problem=newest if problem else None,
        stopped=observation.stopped,
        previous=_before(previous),
        now=now,
    )


def _before(previous: Mapping[str, Any]) -> list[Condition]:
    try:
        return msgspec.convert(previous.get("conditions") or [], list[Condition])
    except msgspec.ValidationError:
        # Somebody else wrote them.
        return []


def _parts(observation: Observation) -> dict[str, ObservedRevision]:
    """Return what answers, or should, by component."""
    parts = observation.of(observation.serving) or observation.of(observation.latest)
    replaced = bool(observation.serving) and not observation.of(observation.serving)
    return {
        name: ObservedRevision(
            name=state.revision,
            # An edit in place: the old pods of the Deployment answer.
            phase="Ready" if replaced else state.phase,
            reason=state.reason,
            message=state.message,
            remedy=state.remedy,
        )
        for name, state in parts.items()
    }


def _trouble(
    found: Sequence[Condition], observation: Observation, newest: ObservedRevision
) -> dict[str, str]:
    """Return the most important thing that is not as it should be, and what to do."""
    by_type = {each.type: each for each in found}
    ready, latest = by_type["Ready"], by_type.get("LatestRevisionReady")
    about = ready if ready.status != "True" else latest
    if about is None or about.status == "True":
        return {}
    if about.reason == Reason.Stopped:
        return {
            "reason": about.reason,
            "message": "the service is stopped",
            "remedy": remedy(about.reason),
        }
    sources: list[ObservedRevision | ObservedIngress] = [newest, *observation.revisions]
    sources.append(observation.ingress)
    source = next((each for each in sources if each.reason == about.reason), None)
    told = {
        "reason": about.reason,
        "message": source.message if source else about.message,
        "remedy": (source.remedy if source else "") or remedy(about.reason),
    }
    return {key: value for key, value in told.items() if value}


def _condition(condition: Condition) -> dict[str, str]:
    told: dict[str, str] = msgspec.to_builtins(condition)
    return {key: value for key, value in told.items() if value}


def _place(
    plan: ServingPlan,
    placements: Sequence[Placement],
    observation: Observation,
    addresses: Addresses,
    keep: Mapping[str, Any],
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if addresses.url:
        told["url"] = addresses.url
    if addresses.address:
        told["address"] = {"url": addresses.address}
    parts = components(placements, observation, addresses, keep.get("history") or {})
    if parts:
        told["components"] = parts
    predictor = plan.revisions[0].component("predictor") if plan.revisions else None
    if predictor is not None and predictor.model is not None:
        told["model"] = predictor.model.name
    return told


def _runtime(plan: ServingPlan) -> dict[str, Any]:
    predictor = plan.revisions[0].component("predictor") if plan.revisions else None
    if predictor is None or predictor.runtime is None:
        return {}
    runtime = predictor.runtime
    key = _SCOPES.get(runtime.scope, "clusterServingRuntimeName")
    told = {"name": runtime.name, "scope": runtime.scope, "why": runtime.why}
    if runtime.plugin:
        told |= {"plugin": runtime.plugin, "version": runtime.version}
    return {key: runtime.name, "runtime": told}


def _canaries(
    plan: ServingPlan,
    placements: Sequence[Placement],
    observation: Observation,
    previous: Mapping[str, Any],
    now: str,
) -> dict[str, Any]:
    """Return KServe's ``canaryStatuses``, of the named canaries."""
    before = {each.get("name"): each for each in previous.get("canaryStatuses") or ()}
    by_name = {each.name: each for each in observation.revisions}
    shares = {each.revision.name: each.weight for each in placements}
    told = [
        {
            "name": each.variant,
            "ready": by_name[each.name].phase == "Ready",
            "trafficPercent": shares.get(each.name, 0),
            "modelStatus": model_status(
                by_name[each.name],
                observation.of(each.name).get("predictor"),
                serving=by_name[each.name].phase == "Ready",
                previous=before.get(each.variant, {}).get("modelStatus") or {},
                now=now,
            ),
        }
        for each in plan.revisions
        if each.variant and each.name in by_name
    ]
    return {"canaryStatuses": told} if told else {}


def _revisions(
    plan: ServingPlan | None,
    placements: Sequence[Placement],
    observation: Observation,
) -> list[dict[str, Any]]:
    """Return every revision as `inferry.backends.RevisionStatus` has it."""
    percents = shares(placements, observation)
    variants = {each.name: each.variant for each in plan.revisions} if plan else {}
    told = []
    for each in observation.revisions:
        parts: list[ComponentState] = list(observation.of(each.name).values())
        predictor = next((p for p in parts if p.component == "predictor"), None)
        share = {
            "name": each.name,
            "phase": each.phase,
            "percent": percents.get(each.name, 0),
            "replicas": predictor.wanted if predictor else each.ready,
            "ready": each.ready,
            "variant": variants.get(each.name, ""),
            "reason": each.reason,
            "message": each.message,
            "progress": next((p.progress for p in parts if p.progress), None),
        }
        told.append({key: value for key, value in share.items() if value not in _EMPTY})
    return told
