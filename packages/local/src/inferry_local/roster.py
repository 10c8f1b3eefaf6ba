"""Which replicas there are: what they report becomes the state of their revisions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from inferry_local import crashes, messages
from inferry_local.records import ReplicaRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_local.channel import Link
    from inferry_local.records import RevisionRecord, ServiceRecord


class Changed(Protocol):
    """Is told that a service has changed; with *routes* its endpoints, too."""

    def __call__(self, service: ServiceRecord, *, routes: bool = False) -> None:
        """Take notice."""


class Roster:
    """Listens to the channel for all services."""

    def __init__(
        self,
        *,
        changed: Changed,
        started: Callable[[], None],
        welcome: Callable[[ServiceRecord, Link], None],
        logs: Callable[[ServiceRecord], Path],
        crash_limit: int,
    ) -> None:
        self._changed = changed
        self._started = started
        self._welcome = welcome
        self._logs = logs
        self._crash_limit = crash_limit
        self._expected: dict[str, tuple[ServiceRecord, RevisionRecord]] = {}
        self._kills: dict[str, int] = {}

    def expect(self, service: ServiceRecord, revision: RevisionRecord) -> None:
        """Let replicas of *revision* join."""
        self._expected[revision.application] = service, revision
        self._kills.setdefault(revision.application, crashes.memory_kills())

    def forget(self, service: ServiceRecord) -> None:
        """Let no replica join any more whose revision is not the service's."""
        kept = {each.application for each in service.revisions.values()}
        for name, (owner, _) in list(self._expected.items()):
            if owner is service and name not in kept:
                del self._expected[name]
                self._kills.pop(name, None)

    def joined(self, link: Link) -> None:
        """Take notice of a new replica; one that nobody expects is sent away."""
        known = self._expected.get(link.hello.application)
        if known is None:
            link.close()
            return
        service, revision = known
        replica = ReplicaRecord(link=link)
        revision.replicas[replica.name] = replica
        service.note(f"replica {replica.name} started (process {link.hello.pid})")
        self._started()
        self._moved(service, revision)

    def said(self, link: Link, message: messages.FromReplica) -> None:
        """Take notice of what a replica says."""
        known = self._expected.get(link.hello.application)
        replica = known[1].replicas.get(link.hello.replica) if known else None
        if known is None or replica is None:
            return
        service, revision = known
        before = replica.ready
        if isinstance(message, messages.Listening):
            replica.port, replica.grpc_port = message.port, message.grpc_port
            self._welcome(service, link)
        elif isinstance(message, messages.Leaving):
            replica.port = 0
        elif isinstance(message, messages.State):
            _fares(service, revision, replica, message)
        if replica.ready and not before:
            revision.was_ready, revision.failure = True, None
            replica.ready_since = time.monotonic()
            service.note(f"replica {replica.name} ready")
        self._moved(service, revision, routes=replica.ready != before)

    def gone(self, link: Link) -> None:
        """Take notice that a replica is gone, and say why if it was not meant to."""
        known = self._expected.get(link.hello.application)
        if known is None:
            return
        service, revision = known
        replica = revision.replicas.pop(link.hello.replica, None)
        if replica is None:
            return
        if not revision.retiring and len(revision.replicas) < revision.wanted:
            self._died(service, revision, replica)
        self._moved(service, revision, routes=True)

    def _died(
        self, service: ServiceRecord, revision: RevisionRecord, replica: ReplicaRecord
    ) -> None:
        when = "" if replica.ready_since else " while the model loaded"
        service.note(f"replica {replica.name} died{when} and is being replaced")
        revision.crashes = 0 if replica.stable else revision.crashes + 1
        if revision.crashes >= self._crash_limit:
            revision.failure = crashes.diagnose(
                replica,
                self._logs(service) / f"{replica.name}.log",
                kills_before=self._kills.get(revision.application, 0),
                crashes=revision.crashes,
            )

    def _moved(
        self, service: ServiceRecord, revision: RevisionRecord, *, routes: bool = False
    ) -> None:
        revision.changed.set()
        self._changed(service, routes=routes)


def _fares(
    service: ServiceRecord,
    revision: RevisionRecord,
    replica: ReplicaRecord,
    state: messages.State,
) -> None:
    """Keep how the service's own model fares, or one of its TrainedModels.

    One that was removed still says that it is unloaded, which is nobody's news.
    """
    if state.name in service.trained:
        _trained(service, replica.name, state)
    elif state.name in ("", revision.model):
        replica.state = state


def _trained(service: ServiceRecord, replica: str, state: messages.State) -> None:
    """Keep how a TrainedModel fares, and tell of what its owner waits for."""
    states = service.trained[state.name].states
    before = states.get(replica)
    states[replica] = state
    if before is None or before.phase != state.phase:
        if state.phase == "Ready":
            service.note(f"model {state.name} ready on {replica}")
        elif state.phase == "Failed":
            why = f"{state.reason}: {state.message}"
            service.note(f"model {state.name} failed on {replica}: {why}")
