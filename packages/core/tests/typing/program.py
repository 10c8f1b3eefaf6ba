"""A program that reads settings and documents, plans, and asks a backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_type

from inferry.api import InferenceService, Problem, load
from inferry.backends import Applied, Backend, ServiceStatus
from inferry.config import Setting, Settings, load_settings
from inferry.errors import InferryError, PlanningError
from inferry.planning import Catalog, RuntimeChoice, ServingPlan, plan
from inferry.plugins import load_plugins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


def settings() -> Settings:
    """Read the settings and print where each comes from."""
    read = load_settings(path=Path("inferry.toml"), overrides={"plugins.deny": "acme"})
    for setting in read.all():
        assert_type(setting, Setting)
    assert_type(read.origin("ingress", "domain"), str)
    domain: str = read.value("ingress", "domain")
    return read if domain else load_settings(environ={})


def plans(
    file: Path, before: dict[str, RuntimeChoice]
) -> list[ServingPlan] | tuple[Problem, ...]:
    """Plan every service of *file*, or return what is wrong with it."""
    loaded = load([file])
    if loaded.errors:
        return loaded.errors
    read = settings()
    documents = [each.document for each in loaded.documents]
    catalog = Catalog.build(load_plugins("cli", read), documents, read)
    found: list[ServingPlan] = []
    for document in documents:
        if isinstance(document, InferenceService):
            previous = before.get(document.metadata.name)
            try:
                found.append(plan(document, catalog, previous=previous))
            except PlanningError as error:
                raise InferryError(error.message, remedy=error.remedy) from error
    return found


class Nowhere:
    """A backend on which nothing runs."""

    async def apply(self, paths: Sequence[Path]) -> list[Applied]:
        """Apply nothing."""
        return []

    async def get(self, namespace: str | None, name: str | None) -> list[ServiceStatus]:
        """Return nothing."""
        return []

    async def delete(self, namespace: str, name: str) -> Applied:
        """Say that it is deleted."""
        return Applied(
            kind="InferenceService", namespace=namespace, name=name, action="deleted"
        )

    async def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        """Yield one line."""
        yield f"{namespace}/{name} {follow} {tail}"

    async def watch(self, namespace: str | None) -> AsyncIterator[ServiceStatus]:
        """Yield one status."""
        yield ServiceStatus(namespace=namespace or "", name="a", phase="Ready")


BACKEND: Backend = Nowhere()
