"""Which share of the requests each Service gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import Component
    from inferry_controller.rendering.parts import Part, Scene

ALL = 100


def behind(scene: Scene, kind: Component) -> tuple[Part, ...]:
    """Return the parts that share the requests for component *kind*."""
    return tuple(each for each in scene.live if each.kind == kind)


def behind_front(scene: Scene) -> tuple[Part, ...]:
    """Return the parts that share the requests for the service.

    Each revision takes them where it begins: at its transformer, if it has one. A named
    canary is a predictor alone, so behind a transformer none can be reached from here.
    """
    transformed = any(each.kind == "transformer" for each in scene.main)
    found: dict[str, Part] = {}
    for part in scene.live:
        unreachable = transformed and part.placement.revision.variant
        if part.kind == "explainer" or unreachable:
            continue
        slot = part.placement.slot
        if part.kind == "transformer" or slot not in found:
            found[slot] = part
    return tuple(found.values())


def weights(parts: Sequence[Part]) -> list[int]:
    """Return the weight of each of *parts*; they sum to 100.

    What the placements leave over is the main one's: a share that a canary does not get
    yet, or all of it before anything is ready.
    """
    given = [each.placement.weight for each in parts]
    left = ALL - sum(given)
    if left > 0:
        main = next((i for i, each in enumerate(parts) if each.placement.main), 0)
        given[main] += left
    return given
