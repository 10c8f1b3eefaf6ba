"""How services are printed: as kubectl's tables, or as the Kubernetes object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from inferry.backends import ServiceStatus  # noqa: TC001 - callers read the hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COLOURS = {"Ready": "green", "Failed": "red", "Loading": "yellow", "Pending": "yellow"}
_GAP = "   "
API_VERSION = "serving.kserve.io/v1beta1"


class Table:
    """Rows under the columns of ``get``; widths grow, so that a watch can add rows."""

    def __init__(self, *, wide: bool = False, namespaces: bool = False) -> None:
        self._namespaces = namespaces
        self._wide = wide
        self._widths: list[int] = []

    def lines(self, services: Iterable[ServiceStatus]) -> list[str]:
        """Return a line per service; the first ones stand below the columns' names."""
        rows = [self._cells(service) for service in services]
        if not self._widths:
            rows.insert(0, self._header())
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        old = self._widths or [0] * len(widths)
        self._widths = [max(pair) for pair in zip(widths, old, strict=False)] or old
        return [_GAP.join(self._padded(row)).rstrip() for row in rows]

    def _header(self) -> list[str]:
        names = ["NAME", "URL", "READY", "PHASE", "RUNTIME", "AGE"]
        if self._wide:
            names += ["REPLICAS", "MODEL", "REVISION", "REASON"]
        return ["NAMESPACE", *names] if self._namespaces else names

    def _cells(self, service: ServiceStatus) -> list[str]:
        cells = [
            service.name,
            service.url,
            ready(service),
            service.phase,
            service.runtime,
            age(service.age_seconds),
        ]
        if self._wide:
            cells += [
                replicas(service),
                service.model,
                ",".join(r.name for r in service.revisions if r.percent),
                service.reason,
            ]
        return [service.namespace, *cells] if self._namespaces else cells

    def _padded(self, row: Sequence[str]) -> list[str]:
        return [
            click.style(cell, fg=_COLOURS[cell]) + " " * (width - len(cell))
            if cell in _COLOURS
            else cell.ljust(width)
            for cell, width in zip(row, self._widths, strict=True)
        ]


def ready(service: ServiceStatus) -> str:
    """Return the status of the condition Ready, as kubectl prints it."""
    for condition in service.conditions:
        if condition.type == "Ready":
            return condition.status
    return "True" if service.phase == "Ready" else "False"


def replicas(service: ServiceStatus) -> str:
    """Return ready and wanted replicas over all revisions, such as ``1/2``."""
    wanted = sum(revision.replicas for revision in service.revisions)
    return f"{sum(revision.ready for revision in service.revisions)}/{wanted}"


def age(seconds: float) -> str:
    """Return *seconds* as kubectl writes ages: ``45s``, ``3m10s``, ``5h``, ``2d``."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    if whole < 2 * 60:
        return f"{whole}s"
    if minutes < 10:  # noqa: PLR2004 - kubectl's border between m and m+s
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 3 * 60:
        return f"{minutes}m"
    hours = minutes // 60
    return f"{hours}h" if hours < 2 * 24 else f"{hours // 24}d"


def to_object(service: ServiceStatus) -> dict[str, Any]:
    """Return *service* as the InferenceService object that a cluster would show."""
    import msgspec

    status: dict[str, Any] = msgspec.to_builtins(service)
    metadata = {key: status.pop(key) for key in ("name", "namespace", "generation")}
    spec = status.pop("spec")
    status["observedGeneration"] = status.pop("observed_generation")
    status["ageSeconds"] = round(status.pop("age_seconds"), 3)
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def to_list(services: Iterable[ServiceStatus]) -> dict[str, Any]:
    """Return *services* as a Kubernetes ``List``."""
    items = [to_object(service) for service in services]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def dump(value: object, form: str) -> str:
    """Write *value* as ``json`` or ``yaml``."""
    if form == "json":
        return json.dumps(value, indent=2)
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")
