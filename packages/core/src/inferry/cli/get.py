"""``inferry get``: list services, as kubectl does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from inferry.cli._backend import backend_options, find, namespace_of, namespace_option
from inferry.cli._output import Table, dump, to_list, to_object
from inferry.cli._services import names

if TYPE_CHECKING:
    from inferry.backends import Backend, ServiceStatus
    from inferry.cli._backend import Target


@click.command()
@click.argument("services", nargs=-1, metavar="[isvc] [NAME]...")
@namespace_option
@click.option("-A", "--all-namespaces", is_flag=True, help="In every namespace.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml", "name"]),
    default="table",
    show_default=True,
    help="How to print them; json and yaml are the Kubernetes objects.",
)
@click.option("-w", "--watch", is_flag=True, help="Go on and print every change.")
@backend_options
def get(
    *,
    services: tuple[str, ...],
    namespace: str | None,
    all_namespaces: bool,
    output: str,
    watch: bool,
    target: Target,
) -> None:
    """List services, or those that are named."""
    wanted = names(services)
    if all_namespaces and wanted:
        msg = "a name needs its namespace; leave out -A"
        raise click.UsageError(msg)
    backend = target.connect()
    listing = _Listing(
        backend=backend,
        namespace=None if all_namespaces else namespace_of(backend, namespace),
        names=wanted,
        output=output,
    )
    asyncio.run(listing.run(watch=watch))


@dataclass(kw_only=True)
class _Listing:
    """One call of ``get``: what is asked for, and how it is printed."""

    backend: Backend
    namespace: str | None
    names: list[str]
    output: str

    async def run(self, *, watch: bool) -> None:
        services = await self._services()
        table = Table(wide=self.output == "wide", namespaces=self.namespace is None)
        self._print(services, table)
        if not watch:
            return
        # A watch begins with what there is, which stands in the table already.
        shown = {_key(service): _ageless(service) for service in services}
        async for service in self.backend.watch(self.namespace):
            wanted = not self.names or service.name in self.names
            if wanted and shown.get(_key(service)) != _ageless(service):
                shown[_key(service)] = _ageless(service)
                self._print_change(service, table)

    async def _services(self) -> list[ServiceStatus]:
        if self.namespace is None or not self.names:
            found = await self.backend.get(self.namespace, None)
            return sorted(found, key=lambda s: (s.namespace, s.name))
        return [await find(self.backend, self.namespace, name) for name in self.names]

    def _print(self, services: list[ServiceStatus], table: Table) -> None:
        if self.output in {"json", "yaml"}:
            single = len(self.names) == 1
            value = to_object(services[0]) if single else to_list(services)
            click.echo(dump(value, self.output))
        elif self.output == "name":
            for service in services:
                click.echo(_kind_name(service))
        elif not services:
            where = f" in the namespace {self.namespace!r}" if self.namespace else ""
            click.echo(f"No services{where}.", err=True)
        else:
            click.echo("\n".join(table.lines(services)))

    def _print_change(self, service: ServiceStatus, table: Table) -> None:
        if self.output == "yaml":
            click.echo("---\n" + dump(to_object(service), "yaml"))
        elif self.output == "json":
            click.echo(dump(to_object(service), "json"))
        elif self.output == "name":
            click.echo(_kind_name(service))
        else:
            click.echo("\n".join(table.lines([service])))


def _key(service: ServiceStatus) -> tuple[str, str]:
    return service.namespace, service.name


def _ageless(service: ServiceStatus) -> ServiceStatus:
    return replace(service, age_seconds=0.0)


def _kind_name(service: ServiceStatus) -> str:
    return f"inferenceservice.serving.kserve.io/{service.name}"
