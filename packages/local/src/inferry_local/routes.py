"""What the gateway is told of a service: names, shares and replicas that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_gateway import Endpoint, Service, Target
from inferry_local.records import Failure

if TYPE_CHECKING:
    from inferry_local.records import RevisionRecord, ServiceRecord


def gateway_service(service: ServiceRecord) -> Service:
    """Return the gateway's view of *service*: declared from the first moment on."""
    plan = service.plan
    predictor = plan.revisions[0].component("predictor")
    model = predictor.model.name if predictor and predictor.model else plan.name
    return Service(
        namespace=plan.namespace,
        name=plan.name,
        hosts=(plan.host,),
        models=(model,),
        targets=tuple(
            _target(service.revisions[name], share)
            for name, share in service.traffic.items()
            if name in service.revisions
        ),
        timeout=predictor.timeout if predictor else None,
        unavailable=unavailable(service),
        hold=not service.plan.stopped and service.failure is None,
    )


def unavailable(service: ServiceRecord) -> str:
    """Return what a request is told for which there is no replica."""
    trouble = service.failure or Failure(reason="", message="")
    if service.plan.stopped:
        return f"{service.key} is stopped"
    if trouble.message:
        return f"{service.key}: {trouble.message}"
    return f"{service.key} is not ready yet"


def _target(revision: RevisionRecord, share: int) -> Target:
    return Target(
        revision=revision.name,
        weight=share,
        endpoints=tuple(
            Endpoint(host="127.0.0.1", port=replica.port, id=replica.name)
            for replica in revision.replicas.values()
            if replica.ready
        ),
        slots=revision.predictor.concurrency,
    )
