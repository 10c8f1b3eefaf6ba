"""Which commands there are, without importing one.

First-party commands stand in a table, so that help can list them and a missing package
can be named; further ones come from the entry-point group ``inferry.commands.v1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

#: As `inferry.backends.COMMANDS_GROUP`, whose module costs too much for help.
GROUP = "inferry.commands.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A first-party command; ``install`` names what brings it if core does not."""

    help: str
    target: str = ""
    needs: str = ""
    install: str = ""


KNOWN: Mapping[str, Known] = {
    "run": Known(
        help="Serve YAML files or a Python class on this machine.",
        needs="the local backend",
        install='pip install "inferry[local]"',
    ),
    "apply": Known(
        help="Create or change services from files.", target="inferry.cli.apply:apply"
    ),
    "get": Known(help="List services.", target="inferry.cli.get:get"),
    "describe": Known(
        help="Show all there is to know about a service.",
        target="inferry.cli.describe:describe",
    ),
    "logs": Known(help="Print the logs of a service.", target="inferry.cli.logs:logs"),
    "delete": Known(help="Delete services.", target="inferry.cli.delete:delete"),
    "predict": Known(
        help="Ask a service for a prediction.", target="inferry.cli.predict:predict"
    ),
    "validate": Known(
        help="List every problem of YAML and JSON files.",
        target="inferry.cli.validate:validate",
    ),
    "explain": Known(
        help="Say what would serve a file, and why.",
        target="inferry.cli.explain:explain",
    ),
    "render": Known(
        help="Print the Kubernetes objects of a file.",
        needs="the Kubernetes backend",
        install='pip install "inferry[kubernetes]"',
    ),
    "manifests": Known(
        help="Print or write what installs Inferry on a cluster.",
        needs="the Kubernetes backend",
        install='pip install "inferry[kubernetes]"',
    ),
    "controller": Known(
        help="Run the controller of a cluster.",
        needs="the Kubernetes backend",
        install='pip install "inferry[kubernetes]"',
    ),
    "configmap": Known(
        help="Say what the ConfigMap of a cluster means.",
        needs="the Kubernetes backend",
        install='pip install "inferry[kubernetes]"',
    ),
    "storage": Known(
        help="Pull models, look at them, clean up the cache.",
        needs="the storage backends",
        install='pip install "inferry[local]"',
    ),
    "plugins": Known(
        help="List, check and render plugins.", target="inferry.cli.plugins:plugins"
    ),
    "config": Known(
        help="Print every setting and where it comes from.",
        target="inferry.cli.config:config",
    ),
}


def entry_points() -> dict[str, EntryPoint]:
    """Return what installed distributions add, one per name."""
    from importlib import metadata

    found = sorted(
        metadata.entry_points(group=GROUP),
        key=lambda point: (point.name, _distribution(point)),
    )
    return {point.name: point for point in reversed(found)}


def source(point: EntryPoint) -> str:
    """Return the line that help prints for a command that is not in the table."""
    distribution = _distribution(point)
    return f"(from {distribution})" if distribution else "(from a plugin)"


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else ""
