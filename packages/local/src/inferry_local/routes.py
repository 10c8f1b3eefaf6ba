"""What the gateway is told of a service: names, shares and replicas that answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry.errors import BackendError
from inferry_gateway import Endpoint, GatewaySettings, Service, Target

if TYPE_CHECKING:
    from inferry.config import Settings
    from inferry_local.records import RevisionRecord, ServiceRecord


def gateway_service(service: ServiceRecord, *, in_full: bool) -> Service:
    """Return the gateway's view of *service*: declared from the first moment on.

    *in_full* tells clients all that is known of a failure, paths of this machine too.
    """
    plan = service.plan
    predictor = plan.revisions[0].component("predictor")
    model = predictor.model.name if predictor and predictor.model else plan.name
    return Service(
        namespace=plan.namespace,
        name=plan.name,
        hosts=(plan.host,),
        models=(*(() if service.hosts else (model,)), *service.trained),
        targets=tuple(
            _target(service.revisions[name], share)
            for name, share in service.traffic.items()
            if name in service.revisions
        ),
        timeout=predictor.timeout if predictor else None,
        unavailable=unavailable(service, in_full=in_full),
        hold=not service.plan.stopped and service.failure is None,
    )


def unavailable(service: ServiceRecord, *, in_full: bool) -> str:
    """Return what a request is told for which there is no replica.

    Empty while a replica answers: then it is only busy, and the gateway says so.
    """
    if service.plan.stopped:
        return f"{service.key} is stopped"
    if any(revision.ready for revision in service.revisions.values()):
        return ""
    failure = service.failure
    if failure is None:
        return f"{service.key} is not ready yet"
    failed = f"{service.key} failed with {failure.reason}"
    if in_full:
        return f"{failed}: {failure.message}"
    describe = f"inferry describe {service.plan.name} -n {service.plan.namespace}"
    return f"{failed}; `{describe}` tells why where it runs"


def _target(revision: RevisionRecord, share: int) -> Target:
    return Target(
        revision=revision.name,
        weight=share,
        endpoints=tuple(
            Endpoint(
                host="127.0.0.1",
                port=replica.port,
                id=replica.name,
                grpc_port=replica.grpc_port,
            )
            for replica in revision.replicas.values()
            if replica.ready
        ),
        slots=revision.predictor.concurrency,
    )


def gateway_settings(settings: Settings) -> GatewaySettings:
    """Return the gateway's settings; [local] host and port win where they are given."""
    local = settings.section("local")
    own = {key: local[key] for key in ("host", "port") if local.get(key) is not None}
    try:
        return GatewaySettings.from_section({**settings.section("gateway"), **own})
    except msgspec.ValidationError as error:
        raise BackendError(
            f"settings of section gateway: {error}", remedy="see `inferry config`"
        ) from None
