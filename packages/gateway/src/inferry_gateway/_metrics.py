"""The gateway's metrics, in Prometheus's text format 0.0.4, written by hand.

| metric | type | labels |
|---|---|---|
| inferry_gateway_requests_total | counter | namespace, service, revision, code |
| inferry_gateway_in_flight | gauge | namespace, service |
| inferry_gateway_waiting | gauge | namespace, service |
| inferry_gateway_upstream_seconds | histogram | namespace, service |
| inferry_gateway_replica_requests_total | counter | the same, revision, replica |
| inferry_gateway_replica_errors_total | counter | the same, revision, replica |
| inferry_gateway_unrouted_total | counter | code |
| inferry_gateway_connections | gauge | |

Code 499 counts requests whose client left before the answer. ``upstream_seconds`` runs
from sending a request to a replica until the head of its answer.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inferry_gateway._balancing import Balancer

BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_PREFIX = "inferry_gateway_"


class Histogram:
    """Counts per bucket of seconds, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, labels: Mapping[str, str]) -> Iterator[str]:
        """Yield the histogram's samples."""
        bounds = [*(f"{b:g}" for b in BUCKETS), "+Inf"]
        counts = list(accumulate(self.counts))
        for bound, count in zip(bounds, counts, strict=True):
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_sum", labels, self.total)
        yield _sample(f"{name}_count", labels, counts[-1])


def render(
    balancers: Iterable[Balancer], unrouted: Mapping[int, int], connections: int
) -> bytes:
    """Return everything as the body of ``/metrics``."""
    services = sorted(balancers, key=lambda b: b.service.key)
    lines = [
        *_family("requests_total", "counter", "requests answered", _requests(services)),
        *_family("in_flight", "gauge", "requests at replicas", _in_flight(services)),
        *_family("waiting", "gauge", "requests that wait", _waiting(services)),
        *_family("upstream_seconds", "histogram", "time to answer", _seconds(services)),
        *_family(
            "replica_requests_total",
            "counter",
            "requests sent to a replica",
            _replicas(services, "requests"),
        ),
        *_family(
            "replica_errors_total",
            "counter",
            "refused, broken and timed out connections of a replica",
            _replicas(services, "errors"),
        ),
        *_family(
            "unrouted_total", "counter", "requests of no service", _codes(unrouted)
        ),
        *_family(
            "connections",
            "gauge",
            "client connections",
            [_sample(f"{_PREFIX}connections", {}, connections)],
        ),
    ]
    return ("\n".join(lines) + "\n").encode()


def _family(name: str, kind: str, text: str, samples: Iterable[str]) -> Iterator[str]:
    yield f"# HELP {_PREFIX}{name} {text}"
    yield f"# TYPE {_PREFIX}{name} {kind}"
    yield from samples


def _labels(balancer: Balancer) -> dict[str, str]:
    service = balancer.service
    return {"namespace": service.namespace, "service": service.name}


def _requests(balancers: Iterable[Balancer]) -> Iterator[str]:
    for balancer in balancers:
        for (revision, code), count in sorted(balancer.codes.items()):
            labels = _labels(balancer) | {"revision": revision, "code": str(code)}
            yield _sample(f"{_PREFIX}requests_total", labels, count)


def _in_flight(balancers: Iterable[Balancer]) -> Iterator[str]:
    for balancer in balancers:
        yield _sample(f"{_PREFIX}in_flight", _labels(balancer), balancer.in_flight)


def _waiting(balancers: Iterable[Balancer]) -> Iterator[str]:
    for balancer in balancers:
        yield _sample(f"{_PREFIX}waiting", _labels(balancer), balancer.waiting)


def _seconds(balancers: Iterable[Balancer]) -> Iterator[str]:
    for balancer in balancers:
        yield from balancer.latency.lines(
            f"{_PREFIX}upstream_seconds", _labels(balancer)
        )


def _replicas(balancers: Iterable[Balancer], what: str) -> Iterator[str]:
    for balancer in balancers:
        for replica in balancer.replicas():
            labels = _labels(balancer) | {
                "revision": replica.revision.name,
                "replica": replica.endpoint.id,
            }
            count: int = getattr(replica, what)
            yield _sample(f"{_PREFIX}replica_{what}_total", labels, count)


def _codes(unrouted: Mapping[int, int]) -> Iterator[str]:
    for code, count in sorted(unrouted.items()):
        yield _sample(f"{_PREFIX}unrouted_total", {"code": str(code)}, count)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    if not labels:
        return f"{name} {value:g}"
    inner = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
    number = str(value) if isinstance(value, int) else f"{value:.6f}"
    return f"{name}{{{inner}}} {number}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
