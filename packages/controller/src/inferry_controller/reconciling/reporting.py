"""Write what became of a service into its status, once for each thing that is new."""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from inferry_controller.kube.errors import Conflict, Invalid, NotFound
from inferry_controller.kube.kinds import INFERENCE_SERVICE
from inferry_controller.names import STATUS_MANAGER
from inferry_controller.reconciling.children import number
from inferry_controller.reconciling.stored import compact, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_controller.kube.client import Client
    from inferry_controller.reconciling.stored import StoredService

#: Seconds between two statuses that tell of the same state in other words.
_CALM = 2.0
#: Statuses that are known to be ours when a watch tells them; it does so in seconds.
_SENT = 4096


class Reporter:
    """Knows the last status of each service, and writes the next."""

    def __init__(
        self, client: Client, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._clock = clock
        #: By key: uid, version and status of our last write, until the watch tells it.
        self._last: dict[str, tuple[str, str, bytes]] = {}
        self._written: dict[str, float] = {}
        self._sent: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def status(self, service: StoredService) -> dict[str, Any]:
        """Return the status of *service* as it was last told or written."""
        found: dict[str, Any] = orjson.loads(self.told(service))
        return found

    def told(self, service: StoredService) -> bytes:
        """Return that status as JSON."""
        last = self._last.get(service.key)
        if last is None:
            return service.status
        uid, version, status = last
        if uid != service.uid or number(version) <= number(service.version):
            del self._last[service.key]
            return service.status
        return status

    def is_mine(self, service: StoredService) -> bool:
        """Say whether the status that a watch told is one that we wrote."""
        last = self._last.get(service.key)
        if last is not None:
            _, version, status = last
            if status == service.status:
                # The watch has it now: 10,000 of them would be 20 MiB held twice.
                del self._last[service.key]
                return True
            # A watch is behind: what it tells may be the write before the last.
            if number(service.version) < number(version):
                return True
        # It may also be ahead of the answer to a write, and an answer may get lost.
        return (service.uid, _digest(service.status_document())) in self._sent

    def forget(self, key: str) -> None:
        """Forget a service that is gone."""
        self._last.pop(key, None)
        self._written.pop(key, None)

    async def report(
        self,
        service: StoredService,
        status: dict[str, Any],
        before: Mapping[str, Any],
    ) -> float | None:
        """Write *status* where it differs from the one *before*.

        What is but another wording waits a little, so that a pod on its way does not
        mean a write for each of its steps; then the seconds to come back in are
        returned.
        """
        if _without_seen(status) == _without_seen(before):
            return None
        now = self._clock()
        wait = self._written.get(service.key, -_CALM) + _CALM - now
        if wait > 0 and _gist(status) == _gist(before):
            return wait
        if await self._write(service, status):
            self._written[service.key] = now
        return None

    async def _write(self, service: StoredService, status: dict[str, Any]) -> bool:
        body = {
            "apiVersion": INFERENCE_SERVICE.api_version,
            "kind": INFERENCE_SERVICE.kind,
            # The uid keeps the status of one service from its namesake after it.
            "metadata": {
                "name": service.name,
                "namespace": service.namespace,
                "uid": service.uid,
            },
            "status": status,
        }
        self._sent[service.uid, _digest(status)] = None
        while len(self._sent) > _SENT:
            self._sent.popitem(last=False)
        try:
            answer = await self._client.apply(
                body,
                manager=STATUS_MANAGER,
                force=True,
                subresource="status",
                kind=INFERENCE_SERVICE,
            )
        except (NotFound, Conflict):
            return False
        except Invalid as error:
            message = f"the status of {service.key} was refused: {error.message}"
            raise Invalid(message, status=error.status) from error
        version = answer["metadata"]["resourceVersion"]
        told = compact(answer.get("status") or {})
        self._last[service.key] = (service.uid, version, told)
        return True


def _digest(status: Mapping[str, Any]) -> bytes:
    return digest(compact(status))


def ready(status: Mapping[str, Any]) -> str:
    """Return the status of the condition Ready; empty where there is none."""
    return next(
        (
            str(each.get("status", ""))
            for each in status.get("conditions") or ()
            if each.get("type") == "Ready"
        ),
        "",
    )


def why(status: Mapping[str, Any]) -> tuple[str, str]:
    """Return reason and message of the condition Ready."""
    for each in status.get("conditions") or ():
        if each.get("type") == "Ready":
            return str(each.get("reason", "")), str(each.get("message", ""))
    return "", ""


def _without_seen(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return *status* without the digest of facts, which is worth no write alone."""
    record = {**(status.get("inferry") or {}), "seen": ""}
    return {**status, "inferry": record}


def _gist(status: Mapping[str, Any]) -> object:
    """Return what must not wait: states and reasons, shares and addresses."""
    conditions = [
        (each.get("type"), each.get("status"), each.get("reason"))
        for each in status.get("conditions") or ()
    ]
    record = status.get("inferry") or {}
    return (
        conditions,
        status.get("url"),
        status.get("phase"),
        status.get("observedGeneration"),
        (status.get("components") or {}).get("predictor", {}).get("traffic"),
        record.get("inputs"),
        record.get("history"),
        record.get("weights"),
        # How many answer is told in time; that any does ends a beginning.
        bool(record.get("ready")),
    )


def timestamp() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
