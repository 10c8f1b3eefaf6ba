"""Which replica gets a request: weights, slots, rests after refusals, and the queue.

Pure and synchronous: time is handed in, sockets are elsewhere. A request is anything
with ``dispatch`` (it got a place), ``fail`` (it will not get one) and ``arrived``.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Protocol

from inferry_gateway._answers import Refusal
from inferry_gateway._metrics import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_gateway._services import Endpoint, Service, Target
    from inferry_gateway._upstream import Upstream

_FIRST_REST = 0.1
_LONGEST_REST = 2.0


class Request(Protocol):
    """What is placed."""

    arrived: float

    def dispatch(self, replica: Replica) -> None:
        """Go to ``replica``: one of its slots is taken."""

    def fail(self, refusal: Refusal) -> None:
        """Give up."""


class Closable(Protocol):
    """A connection that closes when nobody uses it any more."""

    def close(self) -> None:
        """Begin nothing new over it."""


class Replica:
    """One endpoint: its load, its idle connections and its rest after a refusal."""

    __slots__ = (
        "channel",
        "endpoint",
        "errors",
        "idle",
        "in_flight",
        "refusals",
        "removed",
        "requests",
        "rest_until",
        "revision",
    )

    def __init__(self, endpoint: Endpoint, revision: Revision) -> None:
        self.endpoint = endpoint
        self.revision = revision
        self.in_flight = 0
        self.requests = 0
        self.errors = 0
        self.refusals = 0
        self.rest_until = 0.0
        self.removed = False
        self.idle: list[Upstream] = []
        self.channel: Closable | None = None

    def accepted(self) -> None:
        """Note that a connection succeeded."""
        self.refusals = 0
        self.rest_until = 0.0

    def refused(self, now: float) -> None:
        """Note that a connection failed: leave it alone for a while."""
        rest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(self.refusals, 10))
        self.refusals += 1
        self.rest_until = now + rest

    def remove(self) -> None:
        """Take no new request; those in flight finish, idle connections close."""
        self.removed = True
        while self.idle:
            self.idle.pop().close()
        if self.channel is not None:
            self.channel.close()


class Revision:
    """One target: its weight, replicas and the requests that wait for it."""

    __slots__ = ("credit", "name", "replicas", "slots", "waiting", "weight")

    def __init__(self, name: str) -> None:
        self.name = name
        self.weight = 0
        self.slots = 0
        self.credit = 0
        self.replicas: deque[Replica] = deque()
        self.waiting: dict[Request, None] = {}

    def update(self, target: Target) -> None:
        """Take over what ``target`` says; replicas that stay keep their state."""
        self.weight = target.weight
        self.slots = target.slots
        old = {r.endpoint: r for r in self.replicas}
        self.replicas = deque(
            old.pop(e) if e in old else Replica(e, self)
            for e in dict.fromkeys(target.endpoints)
        )
        for replica in old.values():
            replica.remove()

    def alive(self, now: float) -> bool:
        """Whether a replica exists that does not refuse connections."""
        return any(r.rest_until <= now for r in self.replicas)

    def free(self, now: float, *, beside: bool = False) -> Replica | None:
        """Return the least busy replica that has a slot; ties take turns.

        *beside* the slots every replica will do.
        """
        slots = 0 if beside else self.slots
        best = None
        for replica in self.replicas:
            if replica.rest_until > now or 0 < slots <= replica.in_flight:
                continue
            if best is None or replica.in_flight < best.in_flight:
                best = replica
        if best is not None:
            self.replicas.rotate(-1)
        return best


class Balancer:
    """The state of one service, kept from update to update."""

    def __init__(
        self, service: Service, *, max_waiting: int, retry_after: float
    ) -> None:
        self.service = service
        self.revisions: dict[str, Revision] = {}
        self.in_flight = 0
        self.requests = 0
        self.errors = 0
        self.latency = Histogram()
        self.retired = False
        self.codes: Counter[tuple[str, int]] = Counter()
        self._homeless: dict[Request, None] = {}
        self._max_waiting = max_waiting
        self._retry_after = retry_after

    @property
    def waiting(self) -> int:
        """How many requests wait for a replica."""
        return len(self._homeless) + sum(
            len(r.waiting) for r in self.revisions.values()
        )

    @property
    def ready(self) -> bool:
        """Whether a revision that gets traffic has a replica."""
        return any(r.weight and r.replicas for r in self.revisions.values())

    @property
    def _hopeless(self) -> bool:
        """Whether there is no replica and none is to be expected."""
        return not self.service.hold and not any(
            revision.replicas for revision in self.revisions.values()
        )

    def replicas(self) -> Iterator[Replica]:
        """Yield every replica of every revision."""
        for revision in self.revisions.values():
            yield from revision.replicas

    def place(self, request: Request, now: float, *, beside: bool = False) -> bool:
        """Dispatch ``request`` or let it wait; return whether it was dispatched.

        ``beside`` is for questions after health: they pass the queue and need no slot,
        or a busy service would look like a dead one.

        Raises:
            Refusal: 503, too many wait already, or waiting would not help.
        """
        if self._hopeless:
            raise self.unavailable("it has no replica")
        revision = self._choose(now)
        if revision is not None and (beside or not revision.waiting):
            replica = revision.free(now, beside=beside)
            if replica is not None:
                self._dispatch(request, replica)
                return True
        if self.waiting >= self._max_waiting:
            raise self.unavailable(f"{self._max_waiting} requests wait already")
        queue = self._homeless if revision is None else revision.waiting
        queue[request] = None
        return False

    def replace(self, request: Request, now: float) -> None:
        """Place a request again whose replica refused the connection, ahead of others.

        Raises:
            Refusal: 503, the service was deleted meanwhile.
        """
        if self.retired:
            raise self.unavailable("it was deleted")
        revision = self._choose(now)
        replica = revision.free(now) if revision else None
        if replica is not None:
            self._dispatch(request, replica)
        elif revision is None:
            self._homeless = {request: None, **self._homeless}
        else:
            revision.waiting = {request: None, **revision.waiting}

    def withdraw(self, request: Request) -> None:
        """Forget a request that waits."""
        self._homeless.pop(request, None)
        for revision in self.revisions.values():
            revision.waiting.pop(request, None)

    def release(self, replica: Replica, now: float) -> None:
        """Give back the slot of a finished request and serve who waits for it."""
        replica.in_flight -= 1
        self.in_flight -= 1
        if replica.revision.waiting:
            self._serve(replica.revision, now)

    def serve_waiting(self, now: float) -> None:
        """Place whoever can be placed, such as after a replica's rest."""
        if self._homeless and any(
            r.weight and r.alive(now) for r in self.revisions.values()
        ):
            waiting, self._homeless = self._homeless, {}
            self._place_again(waiting, now)
        for revision in self.revisions.values():
            if revision.waiting:
                self._serve(revision, now)

    def update(self, service: Service, now: float) -> None:
        """Take over a new declaration; who waits is placed by it."""
        waiting = self._all_waiting()
        before = {name: r.weight for name, r in self.revisions.items()}
        old, self.revisions, self.service = self.revisions, {}, service
        for target in service.targets:
            revision = old.pop(target.revision, None) or Revision(target.revision)
            revision.update(target)
            self.revisions[target.revision] = revision
        for revision in old.values():
            for replica in revision.replicas:
                replica.remove()
        if before != {name: r.weight for name, r in self.revisions.items()}:
            for revision in self.revisions.values():
                revision.credit = 0
        if self._hopeless:
            for request in waiting:
                request.fail(self.unavailable("it has no replica"))
            return
        self._place_again(waiting, now)

    def retire(self) -> None:
        """Fail who waits and let go of the replicas: the service was deleted."""
        self.retired = True
        for request in self._all_waiting():
            request.fail(self.unavailable("it was deleted"))
        for replica in self.replicas():
            replica.remove()
        self.revisions = {}

    def unavailable(self, detail: str) -> Refusal:
        """Return the 503 for a request that got no replica."""
        text = (
            self.service.unavailable
            or f"service {self.service.key} has no free replica"
        )
        return Refusal(503, f"{text} ({detail})", retry_after=self._retry_after)

    def _choose(self, now: float) -> Revision | None:
        """Choose by smooth weighted round robin among revisions that can answer.

        As in nginx: each gains its weight, the richest is chosen and pays the sum, so a
        share is kept exactly over each round and bursts are spread.
        """
        best = None
        total = 0
        for revision in self.revisions.values():
            if not revision.weight or not revision.alive(now):
                continue
            total += revision.weight
            revision.credit += revision.weight
            if best is None or revision.credit > best.credit:
                best = revision
        if best is not None:
            best.credit -= total
        return best

    def _dispatch(self, request: Request, replica: Replica) -> None:
        replica.in_flight += 1
        replica.requests += 1
        self.in_flight += 1
        request.dispatch(replica)

    def _serve(self, revision: Revision, now: float) -> None:
        while revision.waiting:
            replica = revision.free(now)
            if replica is None:
                return
            request = next(iter(revision.waiting))
            del revision.waiting[request]
            self._dispatch(request, replica)

    def _all_waiting(self) -> list[Request]:
        waiting = list(self._homeless)
        self._homeless = {}
        for revision in self.revisions.values():
            waiting += revision.waiting
            revision.waiting = {}
        return sorted(waiting, key=lambda r: r.arrived)

    def _place_again(
        self, waiting: list[Request] | dict[Request, None], now: float
    ) -> None:
        for request in waiting:
            revision = self._choose(now)
            if revision is None:
                self._homeless[request] = None
                continue
            revision.waiting[request] = None
        for revision in self.revisions.values():
            self._serve(revision, now)
