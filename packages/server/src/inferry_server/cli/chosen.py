"""Which class serves: the runtime plugin's, or the one that was named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from inferry.config import load_settings
from inferry.errors import SettingsError
from inferry.plugins import Provided, load_plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.config import Settings
    from inferry.plugins import Option, Plugins, Runtime

_SERVER = "inferry-server"


class Chosen(Struct, frozen=True):
    """A class to serve with: where it is, what it takes, what pip calls it."""

    target: str
    options: Sequence[Option] = ()
    runtime: str = ""
    install: str = ""
    section: dict[str, Any] = {}


def choose(runtime: str, model_class: str) -> Chosen:
    """Find what the command line names, and the settings of the server.

    Raises:
        SettingsError: Neither or both are named, or there is no such runtime.

    """
    if bool(runtime) == bool(model_class):
        both = "both --runtime and --model_class are" if runtime else "nothing is"
        raise SettingsError(
            f"{both} given: name --runtime, such as onnx, or --model_class module:Class"
        )
    settings = load_settings()
    plugins = load_plugins("server", settings, only=[_SERVER, runtime or _SERVER])
    section = settings.section("server")
    if model_class:
        return Chosen(model_class, section=section)
    return _of_runtime(runtime, plugins, settings, section)


def _of_runtime(
    name: str, plugins: Plugins, settings: Settings, section: dict[str, Any]
) -> Chosen:
    provided = _find(name, plugins)
    if provided is None:  # the plugin may have another name than its runtime
        plugins = load_plugins("server", settings)
        provided = _find(name, plugins)
    if provided is None or provided.descriptor.model is None:
        faults = "; ".join(str(problem) for problem in plugins.problems)
        raise SettingsError(
            f"no runtime {name!r} that can serve here: pip install "
            f"'inferry-runtime-{name}[serve]', or allow its plugin in [plugins] allow"
            + (f" ({faults})" if faults else "")
        )
    reference = provided.descriptor.model
    extra = f"[{reference.extra}]" if reference.extra else ""
    return Chosen(
        reference.target,
        provided.descriptor.options,
        provided.descriptor.name,
        f"{provided.distribution}{extra}",
        section,
    )


def _find(name: str, plugins: Plugins) -> Provided[Runtime] | None:
    for provided in plugins.runtimes():
        if name in (provided.descriptor.name, *provided.descriptor.aliases):
            return provided
    return None
