"""``inferry controller``: run the controller, in a pod or beside a cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.config import Given, Settings


@click.command
@click.option("--kubeconfig", help="The kubeconfig; default: KUBECONFIG, or the pod's.")
@click.option("--context", help="The context of the kubeconfig.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    help="A namespace to watch; may be repeated. Default: all.",
)
@click.option("--port", type=int, help="Port of health and metrics; 0 takes any.")
@click.option(
    "--no-leader-election",
    is_flag=True,
    help="Hold no Lease: there is but one of it.",
)
@click.option("--log-level", help="debug, info, warning or error.")
def controller(
    *,
    kubeconfig: str | None,
    context: str | None,
    namespaces: tuple[str, ...],
    port: int | None,
    no_leader_election: bool,
    log_level: str | None,
) -> None:
    """Keep a cluster what its InferenceServices ask for.

    The settings [kubernetes] and [controller] come from inferry.toml, then from the
    ConfigMap inferenceservice-config, then from the environment and --set.
    """
    overrides = {
        "controller.namespaces": ",".join(namespaces),
        "controller.port": "" if port is None else str(port),
        "controller.leader_election": "false" if no_leader_election else "",
        "controller.log_level": log_level or "",
    }
    given = {key: value for key, value in overrides.items() if value}
    status = asyncio.run(_run(given, kubeconfig, context))
    if status:
        click.get_current_context().exit(status)


async def _run(
    overrides: dict[str, str], kubeconfig: str | None, context: str | None
) -> int:
    from inferry.cli._globals import current
    from inferry.config import load_settings
    from inferry_controller.kube.client import Client
    from inferry_controller.kube.logs import configure
    from inferry_controller.reconciling.controller import Controller
    from inferry_controller.settings import SETTINGS

    own = current()

    def load(given: Iterable[Given]) -> Settings:
        settings = load_settings(
            path=own.config,
            overrides={**own.overrides, **overrides},
            given=tuple(given),
        )
        settings.declare(SETTINGS)
        return settings

    configure(str(load(()).value("controller", "log_level")))
    async with Client.connect(kubeconfig, context) as client:
        controller = await Controller.begin(client, load)
        return await controller.run()
