"""What the gateway reports of each service: load and counts, for autoscaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from inferry_gateway._balancing import Balancer, Replica, Revision


class EndpointReport(TypedDict):
    """One endpoint; ``errors`` are refused, broken and timed out connections."""

    revision: str
    in_flight: int
    requests: int
    errors: int


class RevisionReport(TypedDict):
    """One revision."""

    weight: int
    in_flight: int
    waiting: int
    requests: int


class ServiceReport(TypedDict):
    """One service; ``requests`` and ``errors`` (5xx) count answers since the start."""

    in_flight: int
    waiting: int
    requests: int
    errors: int
    revisions: dict[str, RevisionReport]
    endpoints: dict[str, EndpointReport]


def report(balancer: Balancer) -> ServiceReport:
    """Return the numbers of one service."""
    return ServiceReport(
        in_flight=balancer.in_flight,
        waiting=balancer.waiting,
        requests=balancer.requests,
        errors=balancer.errors,
        revisions={r.name: _revision(balancer, r) for r in balancer.revisions.values()},
        endpoints={r.endpoint.id: _endpoint(r) for r in balancer.replicas()},
    )


def _revision(balancer: Balancer, revision: Revision) -> RevisionReport:
    counted = balancer.codes.items()
    return RevisionReport(
        weight=revision.weight,
        in_flight=sum(r.in_flight for r in revision.replicas),
        waiting=len(revision.waiting),
        requests=sum(count for (name, _), count in counted if name == revision.name),
    )


def _endpoint(replica: Replica) -> EndpointReport:
    return EndpointReport(
        revision=replica.revision.name,
        in_flight=replica.in_flight,
        requests=replica.requests,
        errors=replica.errors,
    )
