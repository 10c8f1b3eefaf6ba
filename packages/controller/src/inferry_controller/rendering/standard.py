"""The objects of a service in Standard mode: Deployments, Services, routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import component_name
from inferry_controller.rendering.deployments import deployment
from inferry_controller.rendering.metadata import metadata
from inferry_controller.rendering.pods import pod_template
from inferry_controller.rendering.rendered import Rendered
from inferry_controller.rendering.routes import http_route
from inferry_controller.rendering.services import HTTP_PORT, service, service_ports
from inferry_controller.rendering.urls import (
    address_host,
    component_host,
    front,
    hosts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import ComponentPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement
    from inferry_controller.rendering.rendered import KubernetesObject
    from inferry_controller.rendering.surroundings import Surroundings


class Standard:
    """One service on its way to objects."""

    def __init__(
        self,
        plan: ServingPlan,
        options: RenderOptions,
        placements: Sequence[Placement],
        around: Surroundings,
    ) -> None:
        self._plan = plan
        self._options = options
        self._placements = placements
        self._around = around
        self._deployments: list[KubernetesObject] = []
        self._services: list[KubernetesObject] = []

    def rendered(self) -> Rendered:
        """Return everything."""
        plan, options = self._plan, self._options
        if plan.stopped:
            return Rendered()
        for placement in self._placements:
            for component in placement.revision.components:
                self._add(component, placement)
        url = f"{options.url_scheme}://{plan.host}"
        main = next(each for each in self._placements if each.main)
        parts = main.revision.components
        names = tuple(each.component for each in parts)
        target = front(names)
        routes = [] if options.ingress != "gateway" else [self._route()]
        return Rendered(
            objects=(*self._services, *self._deployments, *routes),
            url=url,
            address=f"http://{address_host(plan, target)}",
            component_urls={
                each: f"http://{component_host(plan, options, each)}" for each in names
            },
        )

    def _add(self, component: ComponentPlan, placement: Placement) -> None:
        plan, options = self._plan, self._options
        name = component_name(plan.name, component.component, placement.slot)
        pod = pod_template(
            component,
            placement.revision,
            plan,
            options,
            self._around,
            name=name,
            slot=placement.slot,
        )
        self._deployments.append(
            deployment(
                component,
                placement,
                plan,
                options,
                pod,
                replicas=0 if placement.kept else max(component.scaling.minimum, 1),
            )
        )
        names = {name}
        if placement.main:
            names.add(component_name(plan.name, component.component))
        if placement.kept:
            return
        for each in sorted(names):
            ports = service_ports(pod, each)
            made = metadata(each, plan, options, component)
            self._services.append(service(made, ports, name))

    def _route(self) -> KubernetesObject:
        plan, options = self._plan, self._options
        refs: list[dict[str, Any]] = [
            {
                "name": component_name(plan.name, "predictor", each.slot),
                "port": HTTP_PORT,
                "weight": each.weight,
            }
            for each in self._placements
            if not each.kept
        ]
        rule = {
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": refs,
        }
        names = [*hosts(plan, options), component_host(plan, options, "predictor")]
        return http_route(metadata(plan.name, plan, options), names, [rule], options)
