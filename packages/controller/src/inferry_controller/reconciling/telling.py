"""`Telling`: events for people, when a service gets ready, fails or is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from inferry_controller.kube.kinds import INFERENCE_SERVICE
from inferry_controller.reconciling.reporting import ready, why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_controller.reconciling.stored import StoredService

_LONGEST = 1000


class Recorder(Protocol):
    """Records events; see `inferry_controller.kube.events`."""

    def record(
        self,
        about: Mapping[str, Any],
        reason: str,
        message: str,
        *,
        warning: bool = False,
        action: str = "Reconcile",
    ) -> None:
        """Record one; equal ones are counted together."""


class Telling:
    """Says what became of a service, with KServe's names for it."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder

    def tell(
        self,
        service: StoredService,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        """Tell what the status *after* has that the one *before* had not."""
        if self._recorder is None:
            return
        was, now = ready(before), ready(after)
        name = service.name
        if now == "True" and was != "True":
            self._record(
                service,
                "InferenceServiceReady",
                f"InferenceService [{name}] is Ready",
            )
            return
        reason, message = why(after)
        fails = now == "False" and reason not in {"", "Stopped"}
        if fails and (was != "False" or why(before)[0] != reason):
            self._record(service, reason, message, warning=True)
        elif was == "True" and now != "True":
            text = (
                f"InferenceService [{name}] is no longer Ready because of: "
                f"{reason} {message}"
            )
            self._record(
                service,
                "InferenceServiceNotReady",
                text.strip(),
                warning=reason != "Stopped",
            )

    def warn(self, service: StoredService, reason: str, message: str) -> None:
        """Warn of something that no status tells."""
        self._record(service, reason, message, warning=True)

    def _record(
        self,
        service: StoredService,
        reason: str,
        message: str,
        *,
        warning: bool = False,
    ) -> None:
        if self._recorder is None:
            return
        about = {
            "apiVersion": INFERENCE_SERVICE.api_version,
            "kind": INFERENCE_SERVICE.kind,
            "name": service.name,
            "namespace": service.namespace,
            "uid": service.uid,
        }
        self._recorder.record(about, reason, message[:_LONGEST], warning=warning)
