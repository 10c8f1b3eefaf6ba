"""A backend in a distribution of its own, and the command line as a user calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from inferry.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

BACKEND = '''
"""A backend that remembers what it was asked."""

from inferry.backends import Applied, PodStatus, RevisionStatus, ServiceStatus
from inferry.errors import BackendError, InvalidDocument
from inferry.status import Condition

CALLS = []


def service(name, namespace="default", **facts):
    base = dict(
        phase="Ready",
        url=f"http://127.0.0.1:8080/serving/{namespace}/{name}",
        runtime="onnx",
        model=name,
        generation=2,
        observed_generation=2,
        age_seconds=75.0,
        conditions=(Condition(type="Ready", status="True"),),
        revisions=(
            RevisionStatus(name="abc", phase="Ready", percent=90, replicas=2, ready=2),
            RevisionStatus(
                name="def", phase="Loading", percent=10, replicas=1, progress=0.5,
            ),
        ),
        spec={"predictor": {"model": {"modelFormat": {"name": "onnx"}}}},
    )
    return ServiceStatus(namespace=namespace, name=name, **{**base, **facts})


SERVICES = [
    service("iris"),
    service(
        "broken",
        phase="Failed",
        url="",
        reason="ModelCorrupt",
        message="model.onnx is cut off",
        remedy="save the model again",
        conditions=(
            Condition(type="Ready", status="False", reason="ModelCorrupt", message="x"),
        ),
        unhonoured=("spec.predictor.nodeSelector: a laptop has one node",),
        events=("10:00:01 revision abc created",),
        endpoints=("http://127.0.0.1:9000",),
    ),
    service("other", namespace="team"),
]


class FakeBackend:
    def __init__(self, port=None):
        self.port = port
        CALLS.append(("init", port))

    async def apply(self, paths):
        CALLS.append(("apply", [str(path) for path in paths]))
        if "bad.yaml" in [path.name for path in paths]:
            problems = ("bad.yaml:3:1: error: spec: missing",)
            raise InvalidDocument("1 problem", problems=problems)
        return [
            Applied(
                kind="InferenceService", namespace="default", name="iris",
                action="created",
            )
        ]

    async def get(self, namespace, name):
        return [
            s
            for s in SERVICES
            if namespace in (None, s.namespace) and name in (None, s.name)
        ]

    async def delete(self, namespace, name):
        CALLS.append(("delete", namespace, name))
        return Applied(
            kind="InferenceService", namespace=namespace, name=name, action="deleted"
        )

    async def logs(self, namespace, name, *, follow, tail):
        CALLS.append(("logs", follow, tail))
        yield "iris-0: loaded\\n"
        yield "iris-0: ready"

    async def watch(self, namespace):
        yield service("iris", namespace=namespace or "default", age_seconds=76.0)
        yield service("iris", namespace=namespace or "default", phase="Loading")
        raise BackendError("it went away", remedy="start it again", exit_code=3)


class Portless:
    """Takes no arguments."""


class ClusterBackend(FakeBackend):
    """Has what a cluster has beside."""

    namespace = "team"

    def __init__(self, kubeconfig=None, context=None):
        CALLS.append(("init", kubeconfig, context))

    async def apply(self, paths, *, namespace=""):
        CALLS.append(("apply", namespace))
        return [Applied(kind="Secret", namespace="team", name="k", action="created")]

    async def describe(self, namespace, name):
        pod = PodStatus(
            name="other-1", phase="Running", restarts=2, node="n1",
            reason="ModelCorrupt", message="cut off", log=("last words",),
        )
        return service(name, namespace, pods=(pod,))

    async def delete(self, namespace, name, *, tell=None):
        tell("waiting for 2 pods")
        return await super().delete(namespace, name)

    @staticmethod
    def reaching(status):
        return "forward a port"
'''


@pytest.fixture
def backend(site: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install the backend, make it the default, and return its module."""
    site.add(
        "inferry-fake",
        {"fake_backend.py": BACKEND},
        plugins={
            "fake": "fake_backend:FakeBackend",
            "clustered": "fake_backend:ClusterBackend",
            "portless": "fake_backend:Portless",
            "gone": "fake_backend:NotThere",
        },
        group="inferry.backends.v1",
    )
    monkeypatch.setenv("INFERRY_BACKEND", "fake")
    import fake_backend

    return fake_backend


@pytest.fixture
def cli() -> Callable[..., Result]:
    """Return a function that calls ``inferry`` with these arguments."""

    def call(*args: str, input: str | None = None, **env: str) -> Result:  # noqa: A002 - click's name
        runner = CliRunner(env=env or None)
        return runner.invoke(main, list(args), input=input, prog_name="inferry")

    return call
