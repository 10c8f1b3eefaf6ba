"""``inferry manifests``: everything that an install on a cluster consists of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_controller.install import InstallOptions

_FORMATS = click.Choice(["yaml", "kustomize", "helm"])
_EXAMPLES = """\b
Examples:
  inferry manifests | kubectl apply -f -
  inferry manifests --format kustomize --output install
  inferry manifests --format helm --output chart
  inferry manifests --only crds | kubectl apply -f -
  inferry manifests --gateway contour --only gateway | kubectl apply -f -
  inferry manifests --scope namespaced --watch team-a | kubectl apply -f -
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--format",
    "form",
    type=_FORMATS,
    default="yaml",
    show_default=True,
    help="Objects, a base for `kubectl apply -k`, or a Helm chart.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to; kustomize and helm need one.",
)
@click.option(
    "--only",
    type=click.Choice(["crds", "controller", "gateway"]),
    help="Only the kinds, all but them, or the Gateway of --gateway.",
)
@click.option(
    "--namespace",
    default="inferry",
    show_default=True,
    help="Where the controller runs.",
)
@click.option(
    "--scope",
    type=click.Choice(["cluster", "namespaced"]),
    default="cluster",
    show_default=True,
    help="All namespaces, or those of --watch with Roles alone.",
)
@click.option("--watch", default="", help="Namespaces, separated by commas.")
@click.option(
    "--secret-namespaces",
    default="",
    help="Namespaces in which the controller may read Secrets; none by default.",
)
@click.option(
    "--registry", help="Where the images come from; default: ghcr.io/inferry."
)
@click.option("--version", help="That of the images; default: this package's.")
@click.option("--replicas", type=int, help="Pods of the controller; default: 2.")
@click.option(
    "--plugins",
    help="Plugins that the controller loads, by commas; else all of ours but python.",
)
@click.option("--monitoring", is_flag=True, help="With a ServiceMonitor.")
@click.option("--network-policy", is_flag=True, help="With a NetworkPolicy.")
@click.option("--gateway", help="With a Gateway of this class for all services.")
@click.option(
    "--crds/--no-crds",
    default=None,
    help="The kinds; a namespaced install is without unless asked.",
)
@click.option(
    "--user-roles/--no-user-roles",
    default=None,
    help="ClusterRoles for who views or edits namespaces; as --crds.",
)
@click.option(
    "--create-namespace/--no-create-namespace",
    default=None,
    help="The namespace; as --crds.",
)
def manifests(
    form: str,
    output: Path | None,
    only: str | None,
    **given: Any,  # noqa: ANN401 - click's
) -> None:
    """Print or write what installs the controller on a cluster.

    Nothing in it needs a webhook or cert-manager, and any order of applying works.
    """
    from inferry_controller.install import chart, kustomization
    from inferry_controller.install import manifests as objects
    from inferry_controller.install.documents import documents

    _refuse_what_is_left_out(form)
    options = _options(given, only)
    if only == "gateway" and not given["gateway"]:
        raise click.UsageError("--only gateway needs --gateway CLASS")
    if form == "yaml":
        text = documents(each for each in objects(options) if _wanted(each, only))
        if output is None:
            click.echo(text, nl=False)
        else:
            _write(output, {"inferry.yaml": text})
        return
    if output is None:
        msg = f"--format {form} is a folder; name it with --output"
        raise click.UsageError(msg)
    _write(output, chart() if form == "helm" else kustomization(options))


def _refuse_what_is_left_out(form: str) -> None:
    """A chart has values instead of options, and a base is always whole."""
    context = click.get_current_context()
    fixed = {"form", "output"}
    if form == "helm":
        said = [
            f"--{name.replace('_', '-')}"
            for name in context.params
            if name not in fixed
            and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]
        if said:
            raise click.UsageError(
                f"a chart takes {', '.join(said)} as values: say them to helm with "
                "--set; values.yaml in the chart names each"
            )
    if form == "kustomize" and context.params["only"]:
        raise click.UsageError(
            "--only is for objects; the folder has the halves crds and controller"
        )


def _wanted(document: Mapping[str, Any], only: str | None) -> bool:
    if only is None:
        return True
    if only == "gateway":
        metadata = document["metadata"]
        return "kserve" in {metadata.get("namespace"), metadata["name"]}
    is_kind: bool = document["kind"] == "CustomResourceDefinition"
    return is_kind == (only == "crds")


def _options(given: Mapping[str, Any], only: str | None) -> InstallOptions:
    from inferry_controller.install import options_from

    cluster = given["scope"] == "cluster"
    found: dict[str, Any] = {
        "namespace": given["namespace"],
        "scope": given["scope"],
        "watch": _names(given["watch"]),
        "secretNamespaces": _names(given["secret_namespaces"]),
        "monitoring": given["monitoring"],
        "networkPolicy": given["network_policy"],
        "crds": {"install": only == "crds" or _chosen(given["crds"], cluster)},
        "userRoles": _chosen(given["user_roles"], cluster),
        "createNamespace": _chosen(given["create_namespace"], cluster),
    }
    for name in ("registry", "version", "replicas"):
        if given[name] is not None:
            found[name] = given[name]
    if given["gateway"]:
        found["gatewayClass"] = given["gateway"]
    if given["plugins"]:
        found["plugins"] = _names(given["plugins"])
    return options_from(found)


def _chosen(said: bool | None, otherwise: bool) -> bool:  # noqa: FBT001 - what a flag said
    return otherwise if said is None else said


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        click.echo(target)
