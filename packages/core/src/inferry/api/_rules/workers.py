"""Multi-node serving: what a ``workerSpec`` needs around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api._names import AUTOSCALER_CLASS, GPU_RESOURCE_TYPES
from inferry.api._problems import Finding
from inferry.api._rules._parts import (
    Container,
    containers,
    env,
    models,
    pod_containers,
    predictors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from inferry.api._problems import Path
    from inferry.api._types import InferenceService, PredictorSpec, WorkerSpec

_SIZES = ("PIPELINE_PARALLEL_SIZE", "TENSOR_PARALLEL_SIZE")
_GPUS = ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi")
_BASIC = ("cpu", "memory", "ephemeral-storage", "storage")


def workers(service: InferenceService) -> Iterator[Finding]:
    """A worker has one container, sizes of at least one and known GPUs."""
    annotations = service.metadata.annotations
    for path, predictor in predictors(service):
        if predictor.worker_spec is not None:
            yield from check_worker((*path, "workerSpec"), predictor.worker_spec)
            every = list(containers(path, predictor))
            yield from check_sizes(every)
            yield from check_gpus(every, annotations)


def multinode(service: InferenceService) -> Iterator[Finding]:
    """A model on several nodes is mounted, and its size is fixed."""
    for path, predictor in predictors(service):
        if predictor.worker_spec is not None:
            yield from _source(path, predictor)
            yield from _scaler(service.metadata.annotations)


RULES = (workers, multinode)


def check_worker(path: Path, worker: WorkerSpec) -> Iterator[Finding]:
    """Yield what a worker spec may not hold."""
    if len(worker.pod.get("containers") or []) > 1:
        yield Finding((*path, "containers", 1), "a worker has one container")
    for name, size in (
        ("pipelineParallelSize", worker.pipeline_parallel_size),
        ("tensorParallelSize", worker.tensor_parallel_size),
    ):
        if size is not None and size < 1:
            yield Finding((*path, name), f"is {size}; it must be at least 1")


def check_sizes(every: Iterable[Container]) -> Iterator[Finding]:
    """Yield a finding for each size that is set as a variable."""
    for container in every:
        for path, name, _ in env(container):
            if name in _SIZES:
                head, *tail = name.lower().split("_")
                field = head + "".join(word.title() for word in tail)
                yield Finding(path, f"{name} cannot be set; write workerSpec.{field}")


def check_gpus(
    every: Iterable[Container], annotations: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield a finding for each resource that is not known to be a GPU."""
    extra = annotations.get(GPU_RESOURCE_TYPES, "")
    custom = [each.strip(' "') for each in extra.strip("[]").split(",")]
    known = {*_GPUS, *_BASIC, *custom}
    for container in every:
        resources = container.fields.get("resources") or {}
        for block in ("limits", "requests"):
            for name in resources.get(block) or {}:
                if name not in known and not name.startswith("hugepages-"):
                    path: Path = (*container.path, "resources", block, name)
                    message = (
                        f"{name!r} is not known to be a GPU; if it is one, name it in "
                        f"the annotation {GPU_RESOURCE_TYPES}"
                    )
                    yield Finding(path, message)


def check_runtime_worker(
    worker: WorkerSpec, pod: dict[str, list[dict[str, object]]]
) -> Iterator[Finding]:
    """Yield what the worker of a runtime may not hold."""
    path: Path = ("spec", "workerSpec")
    yield from check_worker(path, worker)
    every = [*pod_containers(path, worker.pod), *pod_containers(("spec",), pod)]
    yield from check_sizes(every)
    yield from check_gpus(every, {})


def _source(path: Path, predictor: PredictorSpec) -> Iterator[Finding]:
    for model_path, model in models(path, predictor):
        where: Path = (*model_path, "storageUri")
        if not model.storage_uri:
            yield Finding(where, "is required for a model on several nodes")
        elif not model.storage_uri.startswith(("pvc://", "oci")):
            scheme = model.storage_uri.partition("://")[0]
            message = f"several nodes share pvc:// or oci://, not {scheme}://"
            yield Finding(where, message)


def _scaler(annotations: Mapping[str, str]) -> Iterator[Finding]:
    scaler = annotations.get(AUTOSCALER_CLASS, "none")
    if scaler != "none":
        path: Path = ("metadata", "annotations", AUTOSCALER_CLASS)
        message = (
            f"is {scaler!r}; a model on several nodes does not scale: write 'none'"
        )
        yield Finding(path, message)
