"""Rules over documents that are in hand, without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import _types
from inferry.api._names import DEPLOYMENT_MODE
from inferry.api._problems import Finding, Problem, spell
from inferry.api._rules import findings
from inferry.api._trained_models import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.api._types import Document, InferenceService

Runtime = _types.ServingRuntime | _types.ClusterServingRuntime


def validate(document: Document) -> tuple[Problem, ...]:
    """Return every rule that a defaulted *document* breaks."""
    return tuple(_problem(finding) for finding in findings(document))


def validate_update(old: Document, new: Document) -> tuple[Problem, ...]:
    """Return every rule that replacing *old* by *new* breaks, besides `validate`'s."""
    found: list[Finding] = []
    if isinstance(old, _types.InferenceService) and isinstance(
        new, _types.InferenceService
    ):
        found = [*_mode(old, new), *_renamed(old, new)]
    elif isinstance(old, TrainedModel) and isinstance(new, TrainedModel):
        found = list(_memory(old, new))
    elif isinstance(old, Runtime) and isinstance(new, Runtime):
        found = [*_worker(old, new)]
    return tuple(_problem(finding) for finding in found)


def _mode(old: InferenceService, new: InferenceService) -> Iterator[Finding]:
    before = old.metadata.annotations.get(DEPLOYMENT_MODE)
    after = new.metadata.annotations.get(DEPLOYMENT_MODE)
    if before and after and before != after:
        message = (
            f"cannot change from {before!r} to {after!r}; delete the service first"
        )
        yield Finding(("metadata", "annotations", DEPLOYMENT_MODE), message)


def _renamed(old: InferenceService, new: InferenceService) -> Iterator[Finding]:
    before, after = old.spec.predictor, new.spec.predictor
    same_model = (before.model and before.model.storage_uri) == (
        after.model and after.model.storage_uri
    )
    if before.name != after.name and same_model:
        message = "can change only together with the model, such as its storageUri"
        yield Finding(("spec", "predictor", "name"), message)


def _worker(old: Runtime, new: Runtime) -> Iterator[Finding]:
    if old.spec.worker_spec is not None and new.spec.worker_spec is None:
        yield Finding(("spec", "workerSpec"), "cannot be removed once it is there")


def _memory(old: TrainedModel, new: TrainedModel) -> Iterator[Finding]:
    before, after = old.spec.model.memory, new.spec.model.memory
    if before != after:
        message = f"is immutable: it was {before}; delete the model and create it anew"
        yield Finding(("spec", "model", "memory"), message)


def _problem(finding: Finding) -> Problem:
    return Problem(
        path=spell(finding.path),
        message=finding.message,
        suggestion=finding.suggestion,
        severity=finding.severity,
    )
