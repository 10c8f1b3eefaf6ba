"""Services for the tests of the controller, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bed.api import conditions, is_true, until

if TYPE_CHECKING:
    from bed.api import Api, Object

SERVICES = "inferenceservices"
_DONE = 60


def predictor(path: str = "iris", **more: Any) -> dict[str, Any]:
    """Return a predictor of the model at *path*."""
    model = {
        "modelFormat": {"name": "sklearn"},
        "storageUri": f"s3://models/{path}",
    }
    return {"model": model, **more}


def service(
    name: str = "iris",
    path: str = "iris",
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return an InferenceService; *spec* goes beside its predictor or replaces it."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"predictor": predictor(path), **spec},
    }


@dataclass(frozen=True)
class Room:
    """One namespace, and what is asked of it."""

    api: Api
    namespace: str

    def apply(self, document: dict[str, Any]) -> Any:
        """Apply a document here, as kubectl does."""
        return self.api.apply(document, self.namespace, manager="kubectl")

    def get(self, name: str = "iris") -> Any:
        """Return a service."""
        return self.api.get(SERVICES, name, self.namespace)

    def ready(self, name: str = "iris", seconds: float = _DONE) -> Any:
        """Wait until a service is Ready as it now stands; return it."""
        return until(lambda: self._is_ready(name), f"{name} Ready", seconds)

    def rolled(self, name: str = "iris", seconds: float = _DONE) -> Any:
        """Wait until the newest revision has all the traffic; return the service."""

        def done() -> Any:
            found = self._is_ready(name)
            history = found and found["status"]["inferry"]["history"]
            plain = found and found["status"]["inferry"].get("plain")
            same = history and history["created"] == history["rolled"]
            return found if same and plain else None

        return until(done, f"{name} rolled out", seconds)

    def traffic(self, name: str = "iris") -> dict[str, int]:
        """Return the share of each slot of a service."""
        weights: dict[str, int] = self.get(name)["status"]["inferry"]["weights"]
        return {slot: weight for slot, weight in weights.items() if weight}

    def reason(self, reason: str, name: str = "iris", seconds: float = 30) -> Any:
        """Wait until some condition of a service has *reason*; return the service."""

        def found() -> Any:
            document = self.get(name)
            reasons = {each.get("reason") for each in conditions(document).values()}
            return document if reason in reasons else None

        return until(found, f"{name} to say {reason}", seconds)

    def deployments(self, name: str = "iris") -> dict[str, Any]:
        """Return the Deployments of a service by name."""
        selector = f"serving.kserve.io/inferenceservice={name}"
        found = self.api.list("deployments", self.namespace, selector)
        return {each["metadata"]["name"]: each for each in found}

    def gone(self, kind: str, name: str, seconds: float = _DONE) -> None:
        """Wait until an object is no more."""
        until(
            lambda: self.api.find(kind, name, self.namespace) is None,
            f"{kind} {name} gone",
            seconds,
        )

    def _is_ready(self, name: str) -> Object | None:
        found = self.api.find(SERVICES, name, self.namespace)
        status = (found or {}).get("status") or {}
        if found is None or not is_true(found, "Ready"):
            return None
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return found if current else None
