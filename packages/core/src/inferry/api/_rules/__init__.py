"""The rules that a defaulted document must keep, one module for each theme.

A rule is a function from a document to its findings; all of them run, always.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from inferry.api import _types
from inferry.api._rules import (
    canary,
    containers,
    graphs,
    limits,
    names,
    runtimes,
    scaling,
    secrets,
    storage,
    storage_containers,
    trained_models,
    workers,
)
from inferry.api._rules._across import across

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inferry.api._problems import Finding
    from inferry.api._types import Document

__all__ = ["SERVICE_RULES", "across", "findings", "findings_as_written"]

SERVICE_RULES = (
    *names.RULES,
    *containers.RULES,
    *storage.RULES,
    *scaling.RULES,
    *canary.RULES,
    *workers.RULES,
    *limits.RULES,
)


# Each rule takes the kind that it stands for.
_RULES: Mapping[str, tuple[Callable[[Any], Iterator[Finding]], ...]] = MappingProxyType(
    {
        "ClusterServingRuntime": runtimes.RULES,
        "ClusterStorageContainer": storage_containers.RULES,
        "InferenceGraph": graphs.RULES,
        "InferenceService": SERVICE_RULES,
        "Secret": (secrets.secret,),
        "ServiceAccount": (secrets.service_account,),
        "ServingRuntime": runtimes.RULES,
        "TrainedModel": trained_models.RULES,
    }
)


def findings(document: Document) -> Iterator[Finding]:
    """Yield what every rule has to say about *document*."""
    for rule in _RULES[type(document).__name__]:
        yield from rule(document)


def findings_as_written(document: Document) -> Iterator[Finding]:
    """Yield what only the document before its defaults can tell."""
    if isinstance(document, _types.InferenceService):
        yield from containers.empty_legacy_keys(document)
