"""InferenceServices on a cluster, and how a test waits for what becomes of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from bed.api import is_true

if TYPE_CHECKING:
    from bed.api import Api, Object

_KIND = "inferenceservices"


def inference_service(name: str, predictor: Object, **metadata: Any) -> Object:
    """Return the document of a service."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, **metadata},
        "spec": {"predictor": predictor},
    }


def host(name: str, namespace: str) -> str:
    """Return the host name that a service gets without any settings."""
    return f"{name}-{namespace}.example.com"


def ready(api: Api, name: str, namespace: str, seconds: float = 60) -> Object:
    """Wait until what was applied last is Ready, and return the service."""
    return reaches(api, name, namespace, "Ready", seconds)


def fails(api: Api, name: str, namespace: str, seconds: float = 30) -> Object:
    """Wait until a service says that it failed, and return it."""
    return reaches(api, name, namespace, "Failed", seconds)


def reaches(
    api: Api, name: str, namespace: str, phase: str, seconds: float = 60
) -> Object:
    """Wait until a service has seen its last edit and is in *phase*.

    Fails with the whole status where it does not come to that.
    """
    end = time.monotonic() + seconds
    while True:
        found: Object = api.get(_KIND, name, namespace)
        status = found.get("status") or {}
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        if seen and status.get("phase") == phase:
            if phase == "Ready":
                assert is_true(found, "Ready"), yaml.safe_dump(status)
            return found
        if time.monotonic() > end:
            shown = yaml.safe_dump({"metadata": found["metadata"], "status": status})
            raise AssertionError(
                f"waited {seconds} s for {name} to be {phase}:\n{shown}"
            )
        time.sleep(0.1)
