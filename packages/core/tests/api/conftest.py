"""Short ways to write a document and to read its problems."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from inferry.api import Loaded, loads


def _object(kind: str, version: str, spec: Any, metadata: dict[str, Any]) -> str:
    head = {"apiVersion": f"serving.kserve.io/{version}", "kind": kind}
    return json.dumps({**head, "metadata": {"name": "iris"} | metadata, "spec": spec})


@pytest.fixture
def service() -> Callable[..., Loaded]:
    """Return what loads makes of an InferenceService with a spec and metadata."""

    def load(spec: Any, **metadata: Any) -> Loaded:
        return loads(_object("InferenceService", "v1beta1", spec, metadata), file="f")

    return load


@pytest.fixture
def runtime() -> Callable[..., Loaded]:
    """Return what loads makes of a ServingRuntime with a spec and metadata."""

    def load(spec: Any, kind: str = "ServingRuntime", **metadata: Any) -> Loaded:
        return loads(_object(kind, "v1alpha1", spec, metadata), file="f")

    return load


@pytest.fixture
def told() -> Callable[[Loaded], list[str]]:
    """Return each problem as severity, path and message."""

    def tell(loaded: Loaded) -> list[str]:
        return [
            f"{each.severity} {each.path}: {each.message}" for each in loaded.problems
        ]

    return tell
