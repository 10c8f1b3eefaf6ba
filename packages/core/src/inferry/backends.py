"""What a backend implements: the verbs people know from kubectl, on any target.

Backends register in the entry-point group ``inferry.backends.v1`` as a light class
without arguments; core never imports one by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from inferry.status import Condition, Phase  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

__all__ = [
    "COMMANDS_GROUP",
    "GROUP",
    "Action",
    "Applied",
    "Backend",
    "PodStatus",
    "RevisionStatus",
    "ServiceStatus",
]

GROUP = "inferry.backends.v1"
COMMANDS_GROUP = "inferry.commands.v1"

Action = Literal["created", "configured", "unchanged", "deleted"]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one document."""

    kind: str
    namespace: str
    name: str
    action: Action


class RevisionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One revision as observed; ``percent`` is the share of the traffic it gets now."""

    name: str
    phase: Phase
    percent: int = 0
    replicas: int = 0
    ready: int = 0
    variant: str = ""
    message: str = ""
    progress: float | None = None


class PodStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One pod of a cluster, what is wrong with it, and the last lines of what failed.

    ``reason`` is one of `inferry.status.Reason`, empty where it is ready.
    """

    name: str
    phase: str
    ready: bool = False
    restarts: int = 0
    node: str = ""
    reason: str = ""
    message: str = ""
    log: tuple[str, ...] = ()


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One InferenceService as a backend sees it, the same shape everywhere.

    ``grpc`` is ``host:port`` where it takes gRPC calls, empty where it does not.
    """

    namespace: str
    name: str
    phase: Phase
    url: str = ""
    grpc: str = ""
    reason: str = ""
    message: str = ""
    remedy: str = ""
    runtime: str = ""
    model: str = ""
    generation: int = 0
    observed_generation: int = 0
    age_seconds: float = 0.0
    conditions: tuple[Condition, ...] = ()
    revisions: tuple[RevisionStatus, ...] = ()
    unhonoured: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    pods: tuple[PodStatus, ...] = ()
    spec: dict[str, Any] = {}


@runtime_checkable
class Backend(Protocol):
    """A place where services run. Every method raises `BackendError` when it cannot.

    What a backend may have beyond this is found by its name. ``namespace`` is the one
    that holds where a command gives none. ``describe(namespace, name)`` returns a
    status with all that costs more than `get`. ``reaching(status)`` says what to do
    where ``status.url`` cannot be reached. ``apply`` may take ``namespace``, ``delete``
    ``tell``, which is called with a line of progress.
    """

    async def apply(self, paths: Sequence[Path]) -> list[Applied]:
        """Make the files true; all are validated before any is applied."""

    async def get(self, namespace: str | None, name: str | None) -> list[ServiceStatus]:
        """Return the services, of all namespaces when *namespace* is None."""

    async def delete(self, namespace: str, name: str) -> Applied:
        """Remove one service; returns when nothing of it runs."""

    def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        """Yield log lines of the service's replicas, each prefixed by its replica."""

    def watch(self, namespace: str | None) -> AsyncIterator[ServiceStatus]:
        """Yield a status whenever one changes."""
