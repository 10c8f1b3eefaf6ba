"""Where the components of a service are reached, as KServe names it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry_controller.names import component_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from inferry.planning import Component, ServingPlan
    from inferry_controller.options import RenderOptions

CLUSTER_DOMAIN = "svc.cluster.local"
#: Either label keeps a service inside the cluster.
VISIBILITY_LABELS = (
    "networking.kserve.io/visibility",
    "networking.knative.dev/visibility",
)
CLUSTER_LOCAL = "cluster-local"
_DNS_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
    r"(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\Z"
)


def is_cluster_local(plan: ServingPlan, options: RenderOptions) -> bool:
    """Say whether nothing outside the cluster may reach the service."""
    if options.domain == CLUSTER_DOMAIN:
        return True
    return any(plan.labels.get(key) == CLUSTER_LOCAL for key in VISIBILITY_LABELS)


def hosts(plan: ServingPlan, options: RenderOptions) -> tuple[str, ...]:
    """Return the host names of the service, the published one first."""
    return (plan.host, *_below_other_domains(plan.host, options))


def component_host(
    plan: ServingPlan, options: RenderOptions, component: Component
) -> str:
    """Return the host name of one component; empty where it is too long to be one."""
    host = _renamed(plan, f"{plan.name}-{component}", options)
    return host if _DNS_NAME.match(host) else ""


def address_host(plan: ServingPlan, component: Component) -> str:
    """Return the host name of *component*'s Service within the cluster."""
    service = component_name(plan.name, component)
    return f"{service}.{plan.namespace}.{CLUSTER_DOMAIN}"


def front(components: Collection[Component]) -> Component:
    """Return which of *components* takes the requests: the transformer if any."""
    return "transformer" if "transformer" in components else "predictor"


def _below_other_domains(host: str, options: RenderOptions) -> list[str]:
    stem = host.removesuffix(f".{options.domain}")
    return [f"{stem}.{domain}" for domain in options.additional_domains if stem != host]


def _renamed(plan: ServingPlan, name: str, options: RenderOptions) -> str:
    """Return the host that a service called *name* would have.

    The template is known by what it made of this service's own name, which stands in
    the part of the host before the domain.
    """
    stem = plan.host.removesuffix(f".{options.domain}")
    rest = plan.host[len(stem) :]
    head, found, tail = stem.partition(plan.name)
    return f"{head}{name}{tail}{rest}" if found else plan.host
