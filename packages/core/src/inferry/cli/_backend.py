"""Which backend a command talks to, and the options that choose it."""

from __future__ import annotations

import functools
import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from click.core import ParameterSource

from inferry.errors import BackendError, InferryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from inferry.backends import Backend, ServiceStatus

#: What to do where a backend of ours is absent; the first that is there is the default.
INSTALL = {
    "local": 'pip install "inferry[local]"',
    "kubernetes": 'pip install "inferry[kubernetes]"',
}
DEFAULT_NAMESPACE = "default"
#: As Kubernetes has it: a label of DNS.
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

_F = TypeVar("_F", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which backend a command talks to: what its options said.

    A port of the environment is meant for whoever has ports; one that is said is not.
    """

    name: str | None = None
    port: int | None = None
    port_is_ambient: bool = False
    context: str | None = None
    kubeconfig: str | None = None

    def connect(self) -> Backend:
        """Make the backend; without a name, the first that is installed."""
        point = _entry_point(self.name)
        factory = _imported(point)
        known = inspect.signature(factory).parameters
        given = {
            key: value
            for key in ("port", "context", "kubeconfig")
            if (value := getattr(self, key)) is not None
        }
        if self.port_is_ambient and "port" not in known:
            given.pop("port", None)
        for key in given.keys() - known.keys():
            remedy = f"leave --{key} out, or choose another --backend"
            msg = f"the backend {point.name} takes no --{key}"
            raise BackendError(msg, remedy=remedy)
        return factory(**given)


def backend_options(function: _F) -> _F:
    """Add the options that choose a backend; the command gets them as ``target``."""

    @functools.wraps(function)
    def with_target(**given: Any) -> Any:  # noqa: ANN401 - of any command
        source = click.get_current_context().get_parameter_source("port")
        target = Target(
            name=given.pop("backend_name"),
            port=given.pop("port"),
            port_is_ambient=source is ParameterSource.ENVIRONMENT,
            context=given.pop("context"),
            kubeconfig=given.pop("kubeconfig"),
        )
        return function(target=target, **given)

    decorated: Any = with_target
    for option in _OPTIONS:
        decorated = option(decorated)
    return cast("_F", decorated)


_OPTIONS = (
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; as kubectl."),
    click.option("--context", metavar="NAME", help="The context of the kubeconfig."),
    click.option(
        "--port",
        type=click.IntRange(1, 65535),
        envvar="INFERRY_PORT",
        help="Which `inferry run` of several, by its port; default: $INFERRY_PORT.",
    ),
    click.option(
        "--backend",
        "backend_name",
        metavar="NAME",
        envvar="INFERRY_BACKEND",
        help="local or kubernetes; default: $INFERRY_BACKEND, then what is installed.",
    ),
)


def namespace_option(function: _F) -> _F:
    """Add ``--namespace``; `namespace_of` says what it is where it is not given."""
    return click.option(
        "-n",
        "--namespace",
        callback=_namespace,
        help="The namespace of the service; default: that of the kubeconfig's context, "
        "or default.",
    )(function)


def _namespace(
    _context: click.Context, _parameter: click.Parameter, given: str | None
) -> str | None:
    if given and not _NAMESPACE.fullmatch(given):
        msg = f"{given!r} is no name of a namespace"
        raise click.BadParameter(msg)
    return given


def namespace_of(backend: Backend, given: str | None) -> str:
    """Return the namespace *given*, or the one that *backend* is set to."""
    return given or str(getattr(backend, "namespace", "")) or DEFAULT_NAMESPACE


async def find(backend: Backend, namespace: str, name: str) -> ServiceStatus:
    """Return the one service *name*; an error names what is close, or where it is."""
    found = await backend.get(namespace, name)
    if found:
        return found[0]
    raise await not_found(backend, namespace, name)


async def not_found(backend: Backend, namespace: str, name: str) -> BackendError:
    """Make the error for a service that is not there, with what was probably meant."""
    from difflib import get_close_matches

    message = f"there is no service {name!r} in the namespace {namespace!r}"
    everything = await backend.get(None, None)
    elsewhere = [s.namespace for s in everything if s.name == name]
    if elsewhere:
        return BackendError(message, remedy=f"it is in -n {elsewhere[0]}")
    names = [s.name for s in everything if s.namespace == namespace]
    close = get_close_matches(name, names, n=1)
    if close:
        return BackendError(message, remedy=f"did you mean {close[0]!r}?")
    return BackendError(message, remedy="`inferry get -A` lists what there is")


def _entry_point(name: str | None) -> EntryPoint:
    from importlib.metadata import entry_points

    from inferry.backends import GROUP

    points = {point.name: point for point in entry_points(group=GROUP)}
    if name is None:
        name = next((known for known in INSTALL if known in points), None)
        name = name or next(iter(sorted(points)), None)
    if name is None:
        msg = "no backend is installed"
        raise BackendError(msg, remedy=INSTALL["local"])
    if name in points:
        return points[name]
    if name in INSTALL:
        msg = f"the backend {name} is not installed"
        raise BackendError(msg, remedy=INSTALL[name])
    msg = f"there is no backend {name!r}"
    known = ", ".join(sorted({*points, *INSTALL}))
    raise BackendError(msg, remedy=f"backends are: {known}")


def _imported(point: EntryPoint) -> Callable[..., Backend]:
    try:
        factory: Callable[..., Backend] = point.load()
    except (ImportError, AttributeError) as error:
        msg = f"the backend {point.name} cannot be loaded: {error}"
        remedy = INSTALL.get(point.name, "reinstall the package that brings it")
        raise InferryError(msg, remedy=remedy) from error
    return factory
