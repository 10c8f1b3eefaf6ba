"""What every pass works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inferry_controller.kube.client import Client
    from inferry_controller.reconciling.children import Children
    from inferry_controller.reconciling.claims import Claims
    from inferry_controller.reconciling.drains import Drains
    from inferry_controller.reconciling.history import Specs
    from inferry_controller.reconciling.looking import Looking
    from inferry_controller.reconciling.plans import Plans
    from inferry_controller.reconciling.reporting import Reporter
    from inferry_controller.reconciling.telling import Telling
    from inferry_controller.reconciling.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The collaborators of `Passage`, shared by all services."""

    client: Client
    world: World
    children: Children
    claims: Claims
    specs: Specs
    reporter: Reporter
    drains: Drains
    plans: Plans
    looking: Looking
    telling: Telling
