"""ServingRuntime and ClusterServingRuntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import _types
from inferry.api._names import MAIN_CONTAINER
from inferry.api._problems import Finding
from inferry.api._rules import containers, limits, names, workers
from inferry.api._rules._parts import pod_containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path

Runtime = _types.ServingRuntime | _types.ClusterServingRuntime


def named(runtime: Runtime) -> Iterator[Finding]:
    """Names, namespace and labels have Kubernetes' shape."""
    yield from names.check_object_name(runtime.metadata)
    yield from names.check_labels(("metadata",), runtime.metadata)
    yield from names.check_labels(("spec",), runtime.spec)
    if isinstance(runtime, _types.ServingRuntime):
        yield from names.check_namespace(runtime.metadata)


def main_container(runtime: Runtime) -> Iterator[Finding]:
    """One container is the server."""
    path: Path = ("spec", "containers")
    named = [each.get("name") for each in runtime.spec.pod.get("containers") or []]
    if not named:
        yield Finding(path, f"is required, with one named {MAIN_CONTAINER}")
    elif MAIN_CONTAINER not in named:
        message = f"none is named {MAIN_CONTAINER}; give the one that serves that name"
        yield Finding(path, message)
    yield from containers.check_containers(("spec",), runtime.spec.pod)
    if worker := runtime.spec.worker_spec:
        yield from containers.check_containers(("spec", "workerSpec"), worker.pod)
    for each in pod_containers(("spec",), runtime.spec.pod):
        if not each.fields.get("image"):
            yield Finding((*each.path, "image"), "is required")


def formats(runtime: Runtime) -> Iterator[Finding]:
    """Priorities are positive, and one for each format."""
    first: dict[str, int] = {}
    for index, each in enumerate(runtime.spec.supported_model_formats):
        path: Path = ("spec", "supportedModelFormats", index, "priority")
        if each.priority is None:
            continue
        if each.priority < 1:
            yield Finding(path, f"is {each.priority}; it must be at least 1")
        elif each.auto_select and first.setdefault(each.name, each.priority) != (
            each.priority
        ):
            message = (
                f"is {each.priority}, but {first[each.name]} for another entry of "
                f"{each.name!r}; a runtime has one priority for each format"
            )
            yield Finding(path, message)


def environment(runtime: Runtime) -> Iterator[Finding]:
    """No container gets a variable that injects code."""
    yield from containers.check_environment(pod_containers(("spec",), runtime.spec.pod))
    if runtime.spec.worker_spec:
        pod = runtime.spec.worker_spec.pod
        every = pod_containers(("spec", "workerSpec"), pod)
        yield from containers.check_environment(every)


def resources(runtime: Runtime) -> Iterator[Finding]:
    """No container requests more than its limit."""
    yield from containers.check_resources(pod_containers(("spec",), runtime.spec.pod))


def worker(runtime: Runtime) -> Iterator[Finding]:
    """A worker has one container, sizes of at least one and known GPUs."""
    if runtime.spec.worker_spec:
        yield from workers.check_runtime_worker(
            runtime.spec.worker_spec, runtime.spec.pod
        )


RULES = (
    named,
    main_container,
    formats,
    environment,
    resources,
    worker,
    limits.runtime_lists,
)
