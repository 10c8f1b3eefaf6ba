"""Leader election over a Lease: of several processes one writes.

The protocol is client-go's. Time is a monotonic clock of each process: a lease has
expired when it did not change for its duration as *we* saw it, whatever the clocks of
others say. A leader stops counting itself as one before anybody else may take over,
even while a call hangs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inferry.errors import BackendError
from inferry_controller.kube.errors import ApiError, Conflict, NotFound
from inferry_controller.kube.kinds import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_controller.kube.client import Client

_log = logging.getLogger(__name__)

#: Seconds a lease lasts, its holder goes on without renewing it, between two attempts.
DURATION, DEADLINE, RETRY = 15.0, 10.0, 2.0
#: Seconds between two looks of a standby, which so takes over within 16 s.
LOOK = 1.0
_EXPIRED_AT_ONCE = 1


class NotLeading(BackendError):
    """This process holds the lease no more, and must not write."""


class Election:
    """Gets, keeps and gives back one Lease.

    *identity* tells processes apart: the name of the pod and something of its own.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration: float = DURATION,
        deadline: float = DEADLINE,
        retry: float = RETRY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not retry < deadline < duration:
            raise ValueError("a lease needs: retry < deadline < duration")
        self.namespace = namespace
        self.name = name
        self.identity = identity
        self.duration = duration
        self.deadline = deadline
        self.retry = retry
        self._client = client
        self._clock = clock
        self._lease: dict[str, Any] | None = None
        self._seen = 0.0
        self._held_until = 0.0

    @property
    def leading(self) -> bool:
        """Whether this process holds the lease, and nobody else can."""
        return self._clock() < self._held_until

    @property
    def holder(self) -> str:
        """Who held the lease when it was last seen."""
        return str(_spec(self._lease).get("holderIdentity") or "")

    def check(self) -> None:
        """Refuse to go on without the lease, as a fence before every write.

        Raises:
            NotLeading: when it is not held, for instance after the process was stopped.
        """
        if not self.leading:
            raise NotLeading(f"the lease {self.namespace}/{self.name} is not held")

    async def acquire(self) -> None:
        """Return when the lease is held."""
        _log.info("waiting for the lease %s/%s", self.namespace, self.name)
        while True:
            try:
                if await self._try():
                    _log.info("%s holds the lease", self.identity)
                    return
            except ApiError as error:
                _log.warning("cannot ask for the lease: %s", error)
            await asyncio.sleep(self._until_look())

    async def keep(self) -> None:
        """Renew the lease until that fails for too long.

        Raises:
            NotLeading: at the deadline, or when another holds it.
        """
        while self.leading:
            begun = self._clock()
            try:
                if not await self._try():
                    self._held_until = 0.0
                    raise NotLeading(f"{self.holder} holds the lease now")
            except ApiError as error:
                _log.warning("the lease was not renewed: %s", error)
            left = min(begun + self.retry, self._held_until) - self._clock()
            await asyncio.sleep(max(0.0, left))
        raise NotLeading(f"the lease was not renewed for {self.deadline:g} s")

    async def release(self) -> None:
        """Give the lease back, so that a standby need not wait for its end."""
        if not self.leading or self._lease is None:
            return
        self._held_until = 0.0
        spec = {
            **_spec(self._lease),
            "holderIdentity": "",
            "leaseDurationSeconds": _EXPIRED_AT_ONCE,
            "renewTime": _now(),
        }
        try:
            await self._write({**self._lease, "spec": spec})
        except ApiError as error:
            _log.info("the lease was not given back: %s", error)

    # -- one attempt

    async def _try(self) -> bool:
        """Get or renew the lease with at most two calls; whether it is held."""
        begun = self._clock()
        try:
            if self._lease is None or not self._mine():
                self._saw(await self._read())
                if not self._free():
                    return False
            self._saw(await self._write(self._wanted()))
        except Conflict:
            # Somebody was faster, or our own write arrived although its answer did not.
            self._saw(await self._read())
            return self._mine() and self.leading
        except NotFound:
            self._saw(None)  # somebody deleted it; the next attempt makes it anew
            return self.leading
        self._held_until = begun + self.deadline
        return True

    async def _read(self) -> dict[str, Any] | None:
        try:
            return await self._client.get(
                LEASE, self.namespace, self.name, within=self._patience()
            )
        except NotFound:
            return None

    async def _write(self, lease: dict[str, Any]) -> dict[str, Any]:
        if "resourceVersion" not in lease["metadata"]:
            return await self._client.create(lease, within=self._patience())
        return await self._client.replace(lease, within=self._patience())

    def _patience(self) -> float:
        """Return the seconds one call may take: never beyond the deadline."""
        left = self._held_until - self._clock()
        longest = max(self.retry, self.deadline / 2)
        return max(0.05, min(longest, left)) if left > 0 else longest

    def _saw(self, lease: dict[str, Any] | None) -> None:
        """Remember a state of the lease, and when it was first seen."""
        if lease is None or _spec(lease) != _spec(self._lease):
            self._seen = self._clock()
        self._lease = lease

    def _mine(self) -> bool:
        return self.holder == self.identity

    def _free(self) -> bool:
        if self._lease is None or not self.holder or self._mine():
            return True
        return self._clock() >= self._seen + self._lasts()

    def _lasts(self) -> float:
        """Return how long the holder of the lease asked it to last."""
        return float(_spec(self._lease).get("leaseDurationSeconds") or self.duration)

    def _until_look(self) -> float:
        """Return the seconds to the next look: soon, and exactly at the end."""
        end = self._seen + self._lasts() - self._clock()
        return min(LOOK, self.retry, end) if end > 0 else min(LOOK, self.retry)

    def _wanted(self) -> dict[str, Any]:
        """Return the lease as it is to be written: ours, renewed now."""
        before, now = _spec(self._lease), _now()
        changes = int(before.get("leaseTransitions") or 0)
        acquired = before.get("acquireTime")
        if not self._mine():
            changes, acquired = changes + (self._lease is not None), now
        metadata = {"namespace": self.namespace, "name": self.name}
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": self._lease["metadata"] if self._lease else metadata,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": max(1, round(self.duration)),
                "acquireTime": acquired or now,
                "renewTime": now,
                "leaseTransitions": changes,
            },
        }


def _spec(lease: dict[str, Any] | None) -> dict[str, Any]:
    return (lease or {}).get("spec") or {}


def _now() -> str:
    """Return the time as the API writes microseconds; nobody compares it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
