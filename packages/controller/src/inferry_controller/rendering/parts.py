"""`Part`: one component of one placement, with its pod; all objects are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inferry_controller.names import component_name
from inferry_controller.rendering.metadata import metadata
from inferry_controller.rendering.pods import pod
from inferry_controller.rendering.services import service_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import Component, ComponentPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.placement import Placement
    from inferry_controller.rendering.rendered import Problem
    from inferry_controller.rendering.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A component that runs somewhere.

    ``name`` is that of its Deployment and Service, ``ports`` are the Service's,
    ``problems`` what its pod cannot honour.
    """

    component: ComponentPlan
    placement: Placement
    name: str
    template: dict[str, Any]
    ports: list[dict[str, Any]]
    problems: tuple[Problem, ...] = ()

    @property
    def kind(self) -> Component:
        """Which component it is."""
        return self.component.component

    @property
    def path(self) -> str:
        """Where a document says what it is."""
        variant = self.placement.revision.variant
        return f"spec.canary[{variant}].predictor" if variant else f"spec.{self.kind}"


@dataclass(frozen=True, slots=True)
class Scene:
    """One service on its way to objects: what every module of rendering is told.

    ``live`` are the parts that have pods, or may have: all but those that are kept.
    ``main`` are those that KServe's own names lead to, the predictor first.
    """

    plan: ServingPlan
    options: RenderOptions
    around: Surroundings
    parts: tuple[Part, ...]
    live: tuple[Part, ...]
    main: tuple[Part, ...]

    def metadata(self, name: str, part: Part | None = None) -> dict[str, Any]:
        """Return the metadata of the object *name*, of *part* or of all of it."""
        of = part.component if part else None
        return metadata(name, self.plan, self.options, of)


def scene(
    plan: ServingPlan,
    options: RenderOptions,
    placements: Sequence[Placement],
    around: Surroundings,
) -> Scene:
    """Make the pods of every component of *placements*."""
    parts = []
    for placement in placements:
        for component in placement.revision.components:
            name = component_name(plan.name, component.component, placement.slot)
            made = pod(
                component,
                placement.revision,
                plan,
                options,
                around,
                name=name,
                slot=placement.slot,
            )
            parts.append(
                Part(
                    component=component,
                    placement=placement,
                    name=name,
                    template=made.template,
                    ports=service_ports(made.template, name),
                    problems=made.problems,
                )
            )
    live = tuple(each for each in parts if not each.placement.kept)
    main = tuple(each for each in parts if each.placement.main)
    return Scene(plan, options, around, tuple(parts), live, main)
