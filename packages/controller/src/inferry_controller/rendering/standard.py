"""The objects of a service in Standard mode, in the order in which they are applied.

What others look for comes before them: Services and Deployments, then what decides
about their pods, at last the routes that lead there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_controller.rendering.deployments import deployment
from inferry_controller.rendering.ingress import ingress
from inferry_controller.rendering.monitoring import monitors
from inferry_controller.rendering.policies import disruption_budget, network_policies
from inferry_controller.rendering.rendered import Rendered
from inferry_controller.rendering.routes import routes
from inferry_controller.rendering.scaling import Scaling, scaling
from inferry_controller.rendering.services import services
from inferry_controller.rendering.urls import (
    address,
    component_urls,
    front,
    grpc_urls,
    is_cluster_local,
    rest_urls,
    url,
)

if TYPE_CHECKING:
    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject, Problem

_TWO = 2


def standard(scene: Scene) -> Rendered:
    """Return everything of *scene* in Standard mode.

    Raises:
        PlanningError: The kind of ingress cannot do what the service asks for.

    """
    decided = [(part, scaling(scene, part)) for part in scene.parts]
    routed, of_routes = _routed(scene)
    watched, of_monitors = monitors(scene)
    problems = [problem for part in scene.parts for problem in part.problems]
    problems += [problem for _, each in decided for problem in each.problems]
    return Rendered(
        objects=(
            *services(scene),
            *(_deployment(scene, part, each) for part, each in decided),
            *(each.scaler for _, each in decided if each.scaler is not None),
            *_guards(scene, decided),
            *watched,
            *routed,
        ),
        problems=tuple(dict.fromkeys((*problems, *of_monitors, *of_routes))),
        url=url(scene),
        address=address(scene, front(scene)),
        component_urls=component_urls(scene),
        rest_urls=rest_urls(scene),
        grpc_urls=grpc_urls(scene),
    )


def _routed(scene: Scene) -> tuple[list[KubernetesObject], list[Problem]]:
    kind = scene.options.ingress
    if kind == "none" or is_cluster_local(scene.plan, scene.options):
        return [], []
    if kind == "ingress":
        made, problems = ingress(scene)
        return [made], problems
    return routes(scene)


def _deployment(scene: Scene, part: Part, decided: Scaling) -> KubernetesObject:
    return deployment(
        part.component,
        part.placement,
        scene.plan,
        scene.options,
        part.template,
        replicas=decided.replicas,
    )


def _guards(
    scene: Scene, decided: list[tuple[Part, Scaling]]
) -> list[KubernetesObject]:
    made = []
    if scene.options.disruption_budget:
        made += [
            disruption_budget(scene, part)
            for part, each in decided
            if each.most >= _TWO
        ]
    if scene.options.network_policy:
        made += network_policies(scene)
    return made
