"""`Looking`: the facts of one service, with what only a call can tell of its pods."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from inferry_controller.kube.errors import ApiError
from inferry_controller.observing import Facts, event
from inferry_controller.observing.facts import (
    DeploymentFact,
    EventFact,
    GatewayFact,
    PodFact,
    RouteFact,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from inferry_controller.kube.client import Client
    from inferry_controller.observing.facts import Fact
    from inferry_controller.reconciling.children import ChildKey

#: Seconds for which the events of a pod are taken as told.
_FRESH = 5.0
#: Pods whose events are looked at in one pass: they tell the same as a rule.
_PODS = 3
_MOST = 1024
#: Seconds for which a pod is given time before its events are looked at.
_YOUNG = 3.0
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Looking:
    """Gathers `Facts`; ``gateway`` returns one by namespace and name."""

    def __init__(
        self,
        client: Client,
        *,
        gateway: Callable[[str, str], GatewayFact | None] = lambda *_: None,
        gateways_known: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._gateway = gateway
        self._gateways_known = gateways_known
        self._clock = clock
        self._events: dict[tuple[str, str], tuple[float, tuple[EventFact, ...]]] = {}

    def facts(self, found: Mapping[ChildKey, Fact], gateway: str) -> Facts:
        """Return the facts of one service; *gateway* is ``namespace/name``."""
        facts = [found[child] for child in sorted(found)]
        return Facts(
            deployments=tuple(e for e in facts if isinstance(e, DeploymentFact)),
            pods=tuple(e for e in facts if isinstance(e, PodFact)),
            routes=tuple(e for e in facts if isinstance(e, RouteFact)),
            gateway=self.gateway(gateway),
            gateway_known=self._gateways_known(),
        )

    def gateway(self, gateway: str) -> GatewayFact | None:
        """Return what is known of the Gateway ``namespace/name``."""
        namespace, _, name = gateway.partition("/")
        return self._gateway(namespace, name)

    async def with_events(
        self, facts: Facts, namespace: str, unclear: Collection[str]
    ) -> Facts:
        """Return *facts* with the events of some of the *unclear* pods."""
        found: list[EventFact] = []
        young = (datetime.now(UTC) - timedelta(seconds=_YOUNG)).strftime(_FORMAT)
        # A pod that has only just come is on its way, as a rule; times sort as texts.
        old = {pod.name for pod in facts.pods if pod.created <= young}
        for name in sorted(old.intersection(unclear))[:_PODS]:
            found += await self._of_pod(namespace, name)
        return msgspec.structs.replace(facts, events=tuple(found))

    async def _of_pod(self, namespace: str, name: str) -> tuple[EventFact, ...]:
        now = self._clock()
        at, found = self._events.get((namespace, name), (now - 2 * _FRESH, ()))
        if at + _FRESH > now:
            return found
        try:
            told = await self._client.events(namespace, name=name, kind="Pod")
        except ApiError:
            # Without the right, or the answer, the pod tells what it can.
            told = []
        found = tuple(sorted(map(event, told), key=lambda each: each.last))
        if len(self._events) >= _MOST:
            self._events.clear()
        self._events[namespace, name] = (now, found)
        return found
