"""Load one plugin in an interpreter of its own and print what was found, as JSON.

Run as a file, not as a module: importing `inferry.testing` would bring pytest and
numpy, and the question is what the plugin alone brings.
"""

from __future__ import annotations

import json
import pickle
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

from inferry.config import Settings
from inferry.plugins import GROUP, Installed, Plugins, discover, load_plugins

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What core brings to every environment and costs next to nothing.
_WITH_CORE = {"msgspec", "packaging", "pluggy", "typing_extensions"}
_HOOKS = (
    "inferry_runtimes",
    "inferry_storage_backends",
    "inferry_autoscaling_policies",
    "inferry_settings",
)


def probe(name: str) -> dict[str, Any]:
    """Return the facts about the plugin *name* that its tests look at."""
    settings = Settings()
    installed = [
        plugin
        for plugin in discover("local", settings, only=[name])[0]
        if plugin.name == name
    ]
    before = set(sys.modules)
    plugins = load_plugins("local", settings, only=[name])
    imported = set(sys.modules) - before
    return {
        "installed": [plugin.distribution for plugin in installed],
        "problems": [
            str(problem) for problem in plugins.problems if problem.plugin == name
        ],
        "foreign": sorted(_foreign(imported, installed)),
        "descriptors": [_facts(item.descriptor) for item in _everything(plugins)],
        "undocumented": _undocumented(installed) if plugins.provided else [],
        "rendered": _rendered(plugins, settings),
    }


def _foreign(imported: Iterable[str], installed: list[Installed]) -> set[str]:
    """Return what was imported that is not the plugin's, the stdlib's or light."""
    own = {plugin.value.partition(":")[0].partition(".")[0] for plugin in installed}
    own |= _WITH_CORE
    found = set()
    for module in imported:
        top = module.partition(".")[0]
        if top in own or top in sys.stdlib_module_names:
            continue
        found.add(module if top == "inferry" else top)
    return found


def _everything(plugins: Plugins) -> list[Any]:
    return [
        *plugins.runtimes(),
        *plugins.storage_backends(),
        *plugins.autoscaling_policies(),
        *plugins.settings(),
    ]


def _facts(descriptor: Any) -> dict[str, Any]:  # noqa: ANN401 - any descriptor
    try:
        copied = pickle.loads(pickle.dumps(descriptor))  # noqa: S301 - made just here
        pickles = "" if copied == descriptor else "its copy is not equal to it"
    except Exception as exc:  # noqa: BLE001 - whatever goes wrong is the finding
        pickles = f"{type(exc).__name__}: {exc}"
    references = [
        {"target": value.target, "extra": value.extra}
        for value in (getattr(descriptor, name) for name in descriptor.__slots__)
        if hasattr(value, "target")
    ]
    return {
        "kind": type(descriptor).__name__,
        "name": getattr(descriptor, "name", ""),
        "pickle": pickles,
        "references": references,
    }


def _undocumented(installed: list[Installed]) -> list[str]:
    missing = []
    for plugin in installed:
        try:
            module = EntryPoint(plugin.name, plugin.value, GROUP).load()
        except Exception:  # noqa: BLE001, S112 - already among the problems
            continue
        for name in _HOOKS:
            hook = getattr(module, name, None)
            if hook is not None and not (hook.__doc__ or "").strip():
                missing.append(name)
    return missing


def _rendered(plugins: Plugins, settings: Settings) -> list[dict[str, Any]]:
    from inferry.planning import render_runtime, render_storage

    documents = [
        render_runtime(item, settings)
        for item in plugins.runtimes()
        if item.descriptor.container is not None
    ]
    documents += [
        render_storage(item, settings)
        for item in plugins.storage_backends()
        if item.descriptor.container is not None
    ]
    return documents


if __name__ == "__main__":
    # A descriptor may hold anything; what is no JSON is a finding, no end.
    json.dump(probe(sys.argv[1]), sys.stdout, default=repr)
