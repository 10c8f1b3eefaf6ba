"""What the supervisor knows of services, their revisions and replicas."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.status import Condition, ObservedRevision, Phase, Reason, remedy

if TYPE_CHECKING:
    from pathlib import Path

    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
    from inferry_local.channel import Link
    from inferry_local.messages import State
    from inferry_local.trained import TrainedPlan

MAX_EVENTS = 50
STABLE_SECONDS = 10.0
#: What `[storage] unpack` unpacks.
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why something does not work; ``remedy`` says what to do about it."""

    reason: str
    message: str
    remedy: str = ""

    @property
    def what_to_do(self) -> str:
        """The remedy, or the one that belongs to the reason."""
        return self.remedy or remedy(self.reason)


@dataclass(kw_only=True, eq=False)
class ReplicaRecord:
    """One replica, known since its process said hello."""

    link: Link
    port: int = 0
    grpc_port: int = 0
    state: State | None = None
    peak_bytes: int = 0
    ready_since: float | None = None

    @property
    def name(self) -> str:
        """The replica's name in logs, metrics and events."""
        return self.link.hello.replica

    @property
    def ready(self) -> bool:
        """Whether its model answers."""
        return bool(self.port and self.state and self.state.phase == "Ready")

    @property
    def stable(self) -> bool:
        """Whether it has answered for long enough that its end is no crash loop."""
        since = self.ready_since
        return since is not None and time.monotonic() - since > STABLE_SECONDS


@dataclass(kw_only=True, eq=False)
class RevisionRecord:
    """One revision that runs or should; ``application`` is its name in Ray Serve.

    ``held`` are the paths of its model, which no clean-up may take away.
    """

    plan: RevisionPlan
    application: str
    wanted: int = 1
    stage: Reason = Reason.Pending
    progress: float | None = None
    doing: str = ""
    failure: Failure | None = None
    crashes: int = 0
    was_ready: bool = False
    retiring: bool = False
    deployed: bool = False
    path: Path | None = None
    held: list[Path] = field(default_factory=list)
    replicas: dict[str, ReplicaRecord] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """The revision's name: a hash of what it serves."""
        return self.plan.name

    @property
    def predictor(self) -> ComponentPlan:
        """The component that answers requests."""
        component = self.plan.component("predictor")
        if component is None:  # planning always makes one
            msg = f"revision {self.name} has no predictor"
            raise ValueError(msg)
        return component

    @property
    def model(self) -> str:
        """What its own model is called."""
        model = self.predictor.model
        return model.name if model else self.name

    @property
    def ready(self) -> int:
        """The number of replicas that answer."""
        return sum(replica.ready for replica in self.replicas.values())

    def observed(self) -> ObservedRevision:
        """Return what is to be said of this revision now."""
        phase, failure = self._phase()
        return ObservedRevision(
            name=self.name,
            phase=phase,
            reason=failure.reason,
            message=failure.message,
            ready=self.ready,
        )

    def trouble(self) -> Failure:
        """Return what keeps the revision from answering; empty once it does."""
        return self._phase()[1]

    def _phase(self) -> tuple[Phase, Failure]:
        if self.ready:
            return "Ready", Failure(reason="", message="")
        states = [each.state for each in self.replicas.values() if each.state]
        failures = [self.failed(each) for each in states if each.phase == "Failed"]
        if self.failure is not None or failures:
            return "Failed", self.failure or failures[0]
        if self.stage == Reason.Downloading:
            message = self.doing or "fetching the model"
            return "Loading", Failure(reason=self.stage, message=message)
        for state in states:
            if state.phase in {"Loading", "WarmingUp"}:
                message = state.message or f"model {state.name}"
                return "Loading", Failure(reason=state.phase, message=message)
        return "Pending", self._start_or_restart()

    def failed(self, state: State) -> Failure:
        """Return what a model's failed state says, and what may mend it."""
        failure = model_failure(state)
        packed = archive(self.path) if failure.reason == Reason.ModelNotFound else ""
        if not packed:
            return failure
        return msgspec.structs.replace(
            failure,
            remedy=f"unpack {packed} in the store, or set [storage] unpack = true "
            "(INFERRY_STORAGE__UNPACK=true)",
        )

    def _start_or_restart(self) -> Failure:
        if self.crashes:
            return Failure(
                reason=Reason.ReplicaRestarting,
                message=f"a replica dies again and again, {self.crashes} times so far",
            )
        if self.was_ready:
            return Failure(
                reason=Reason.ReplicaRestarting,
                message="a replica died and is being replaced",
            )
        return Failure(
            reason=Reason.Pending, message="the replica's process is starting"
        )


@dataclass(kw_only=True, eq=False)
class TrainedRecord:
    """One TrainedModel: its plan, what was fetched for it, and how it fares.

    ``fields`` are what replicas are told to load, once it is fetched. ``states`` are
    those of the replicas that said something, by name.
    """

    plan: TrainedPlan
    record: RevisionRecord
    fields: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    states: dict[str, State] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class ServiceRecord:
    """One InferenceService: what it should be, and what runs of it.

    ``traffic`` are the shares in force, by revision; they change when a rollout has
    succeeded and never before. ``rolled_out`` is the revision that a canary is measured
    against. ``trained`` are the TrainedModels by name; a service that ``hosts`` them
    has no model of its own.
    """

    plan: ServingPlan
    document: dict[str, Any]
    generation: int = 1
    observed_generation: int = 0
    created: float = field(default_factory=time.monotonic)
    revisions: dict[str, RevisionRecord] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    trained: dict[str, TrainedRecord] = field(default_factory=dict)
    hosts: bool = False
    rolled_out: str = ""
    failure: Failure | None = None
    attempts: int = 0
    conditions: tuple[Condition, ...] = ()
    events: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    rollout: asyncio.Task[None] | None = None

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return self.plan.key

    @property
    def latest(self) -> str:
        """The newest revision: that of the document as it stands."""
        return self.plan.revisions[0].name

    def note(self, text: str) -> None:
        """Remember an event, with the time of day."""
        self.events.append(f"{time.strftime('%H:%M:%S')} {text}")


def model_failure(state: State) -> Failure:
    """Return what a model's failed state says."""
    return Failure(
        reason=state.reason or Reason.ModelLoadFailed,
        message=state.message or f"model {state.name} failed",
        remedy=state.remedy,
    )


def archive(path: Path | None) -> str:
    """Return the name of the archive that is all there is in *path*, or nothing."""
    if path is None or not path.is_dir():
        return ""
    names = [each.name for each in path.iterdir()]
    return names[0] if len(names) == 1 and names[0].endswith(_ARCHIVES) else ""
