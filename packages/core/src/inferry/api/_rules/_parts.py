"""The parts of a service that rules walk, each with its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from inferry.api import _types
from inferry.api._default import legacy_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._problems import Path


class Container(NamedTuple):
    """One container, wherever it is written."""

    path: Path
    fields: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name, or '' where KServe inlines it."""
        return str(self.fields.get("name") or "")


def predictors(
    service: _types.InferenceService,
) -> Iterator[tuple[Path, _types.PredictorSpec]]:
    """Yield the predictor and those of canaries."""
    yield ("spec", "predictor"), service.spec.predictor
    canary = service.spec.canary
    if isinstance(canary, _types.PredictorSpec):
        yield ("spec", "canary", "predictor"), canary
    for index, each in enumerate(canary if isinstance(canary, list) else ()):
        yield ("spec", "canary", index, "predictor"), each.predictor


def components(
    service: _types.InferenceService,
) -> Iterator[tuple[Path, _types.ComponentSpec]]:
    """Yield every predictor, the transformer and the explainer."""
    yield from predictors(service)
    if service.spec.transformer:
        yield ("spec", "transformer"), service.spec.transformer
    if service.spec.explainer:
        yield ("spec", "explainer"), service.spec.explainer


def models(
    path: Path, component: _types.ComponentSpec
) -> Iterator[tuple[Path, _types.ModelSpec]]:
    """Yield the model of a component, or of each framework key it has."""
    if isinstance(component, _types.PredictorSpec):
        keys = (["model"] if component.model else []) + legacy_keys(component)
        for key in keys:
            yield (*path, key), getattr(component, key)
    elif isinstance(component, _types.ExplainerSpec) and component.art:
        yield (*path, "art"), component.art


def pod_containers(path: Path, pod: dict[str, Any]) -> Iterator[Container]:
    """Yield the containers and init containers of a pod spec."""
    for field in ("containers", "initContainers"):
        for index, fields in enumerate(pod.get(field) or []):
            yield Container((*path, field, index), fields)


def containers(path: Path, component: _types.ComponentSpec) -> Iterator[Container]:
    """Yield every container of a component: model, pod and worker."""
    for model_path, model in models(path, component):
        yield Container(model_path, model.container)
    yield from pod_containers(path, component.pod)
    worker = getattr(component, "worker_spec", None)
    if worker:
        yield from pod_containers((*path, "workerSpec"), worker.pod)


def env(container: Container) -> Iterator[tuple[Path, str, str | None]]:
    """Yield path, name and literal value of each environment variable."""
    for index, entry in enumerate(container.fields.get("env") or []):
        path = (*container.path, "env", index)
        yield path, str(entry.get("name", "")), entry.get("value")
