"""The status of a service, made from what the supervisor knows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferry.api import shown
from inferry.backends import RevisionStatus, ServiceStatus
from inferry.status import ObservedRevision, conditions, phase
from inferry_local.records import Failure

if TYPE_CHECKING:
    from inferry.planning import RevisionPlan
    from inferry_local.records import RevisionRecord, ServiceRecord

_NOTHING = Failure(reason="", message="")


def service_status(service: ServiceRecord, base_url: str) -> ServiceStatus:
    """Return the status of *service*; remembers its conditions for their times."""
    plan = service.plan
    observed = _observed(service)
    service.conditions = conditions(
        observed,
        serving=_serving(service),
        latest=service.latest,
        stopped=plan.stopped,
        previous=service.conditions,
        now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    trouble = _trouble(service)
    newest = plan.revisions[0].component("predictor")
    runtime = newest.runtime if newest else None
    return ServiceStatus(
        namespace=plan.namespace,
        name=plan.name,
        phase=phase(service.conditions),
        url=f"{base_url}{plan.path}",
        grpc=urlsplit(base_url).netloc if _answers_grpc(service) else "",
        reason=trouble.reason,
        message=trouble.message,
        remedy=trouble.what_to_do,
        runtime=runtime.name if runtime else "",
        model=newest.model.name if newest and newest.model else "",
        generation=service.generation,
        observed_generation=service.observed_generation,
        age_seconds=time.monotonic() - service.created,
        conditions=service.conditions,
        revisions=tuple(_revision(service, each) for each in _order(service)),
        unhonoured=_unhonoured(service),
        events=tuple(service.events),
        endpoints=_endpoints(service),
        spec=shown(service.document.get("spec", {})),
    )


def _observed(service: ServiceRecord) -> list[ObservedRevision]:
    """Return all revisions, oldest first, the newest even where nothing of it runs."""
    found = {name: each.observed() for name, each in service.revisions.items()}
    if service.latest not in found and not service.plan.stopped:
        failure = service.failure or Failure(reason="Pending", message="")
        found[service.latest] = ObservedRevision(
            name=service.latest,
            phase="Failed" if service.failure else "Pending",
            reason=failure.reason,
            message=failure.message,
        )
    return list(found.values())


def _serving(service: ServiceRecord) -> str:
    """Return the revision with the most traffic; one that answers, if any does."""
    names = sorted(service.traffic, key=lambda name: -service.traffic[name])
    ready = [n for n in names if n in service.revisions and service.revisions[n].ready]
    return (ready or names or [""])[0]


def _trouble(service: ServiceRecord) -> Failure:
    """Return the most important thing that is not as it should be."""
    if service.plan.stopped:
        return Failure(reason="Stopped", message="the service is stopped")
    if service.failure is not None:
        return service.failure
    serving = service.revisions.get(_serving(service))
    newest = service.revisions.get(service.latest)
    for revision in (serving, newest):
        if revision is not None and revision.trouble().reason:
            return revision.trouble()
    if serving is None and newest is None:
        return Failure(reason="Pending", message="the replica is about to start")
    return _NOTHING


def _order(service: ServiceRecord) -> list[RevisionPlan]:
    """Return every revision once: those of the plan, then older ones that still run."""
    plans = {each.name: each for each in service.plan.revisions}
    plans.update((name, each.plan) for name, each in service.revisions.items())
    return list(plans.values())


def _revision(service: ServiceRecord, plan: RevisionPlan) -> RevisionStatus:
    record = service.revisions.get(plan.name)
    observed = next(o for o in _observed_all(service, plan) if o.name == plan.name)
    return RevisionStatus(
        name=plan.name,
        phase=observed.phase,
        percent=service.traffic.get(plan.name, 0),
        replicas=record.wanted if record else 0,
        ready=observed.ready,
        variant=plan.variant,
        message=observed.message,
        progress=_progress(record) if record else None,
    )


def _observed_all(service: ServiceRecord, plan: RevisionPlan) -> list[ObservedRevision]:
    found = _observed(service)
    if all(each.name != plan.name for each in found):
        state: ObservedRevision = ObservedRevision(name=plan.name, phase="Stopped")
        found.append(state)
    return found


def _progress(record: RevisionRecord) -> float | None:
    if record.progress is not None:
        return record.progress
    loading = [r.state.progress for r in record.replicas.values() if r.state]
    return next((each for each in loading if each is not None), None)


def _unhonoured(service: ServiceRecord) -> tuple[str, ...]:
    """Return what has no effect: by the plan, and by what its models then said."""
    lines = [f"{each.path}: {each.why}" for each in service.plan.unhonoured]
    for revision in service.revisions.values():
        for replica in revision.replicas.values():
            lines += replica.state.unhonoured if replica.state else ()
    return tuple(dict.fromkeys(lines))


def _answers_grpc(service: ServiceRecord) -> bool:
    return any(
        replica.ready and replica.grpc_port
        for revision in service.revisions.values()
        for replica in revision.replicas.values()
    )


def _endpoints(service: ServiceRecord) -> tuple[str, ...]:
    return tuple(
        f"127.0.0.1:{replica.port}"
        for revision in service.revisions.values()
        for replica in revision.replicas.values()
        if replica.ready
    )
