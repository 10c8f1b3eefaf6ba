"""The rules that a defaulted document must keep, one module for each theme.

A rule is a function from a document to its findings; all of them run, always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import _types
from inferry.api._rules import (
    canary,
    containers,
    names,
    runtimes,
    scaling,
    secrets,
    storage,
    workers,
)
from inferry.api._rules._across import across

if TYPE_CHECKING:
    from collections.abc import Iterator

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
)


def findings(document: Document) -> Iterator[Finding]:
    """Yield what every rule has to say about *document*."""
    if isinstance(document, _types.InferenceService):
        for rule in SERVICE_RULES:
            yield from rule(document)
    elif isinstance(document, _types.Secret):
        yield from secrets.secret(document)
    elif isinstance(document, _types.ServiceAccount):
        yield from secrets.service_account(document)
    elif isinstance(document, runtimes.Runtime):
        for runtime_rule in runtimes.RULES:
            yield from runtime_rule(document)


def findings_as_written(document: Document) -> Iterator[Finding]:
    """Yield what only the document before its defaults can tell."""
    if isinstance(document, _types.InferenceService):
        yield from containers.empty_legacy_keys(document)
