"""What there is to say about plugins, as plain data for tables and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry._suggest import did_you_mean
from inferry.errors import InferryError, PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.config import Settings
    from inferry.plugins import Installed, PluginRecord, Plugins, Provided


def installed_facts(plugin: Installed) -> dict[str, Any]:
    """Return what metadata says about a plugin."""
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "status": plugin.verdict,
        "why": plugin.why,
    }


def record_facts(record: PluginRecord) -> dict[str, Any]:
    """Return what became of a plugin when it was loaded."""
    return installed_facts(record.installed) | {
        "status": record.status,
        "why": record.why.removeprefix(_prefix(record.installed)),
        "provides": list(record.provides),
        "ms": record.milliseconds,
    }


def _prefix(plugin: Installed) -> str:
    """Return how a message about *plugin* begins, where a table has said it already."""
    return f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}) "


def problem_facts(problem: PluginError) -> dict[str, str]:
    """Return the parts of a problem."""
    return {
        "kind": type(problem).__name__,
        "plugin": problem.plugin,
        "distribution": problem.distribution,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def problems_of(
    record: PluginRecord, problems: Iterable[PluginError]
) -> list[PluginError]:
    """Return the problems of one plugin."""
    mine = (record.installed.name, record.installed.distribution)
    return [p for p in problems if (p.plugin, p.distribution) == mine]


def find(name: str, records: Iterable[PluginRecord]) -> PluginRecord:
    """Return the record of a plugin, by its name or its distribution.

    Raises:
        InferryError: There is none.

    """
    by_name: dict[str, PluginRecord] = {}
    for record in records:
        by_name.setdefault(record.installed.distribution, record)
    by_name |= {r.installed.name: r for r in reversed(tuple(records))}
    if name not in by_name:
        raise unknown(name, by_name)
    return by_name[name]


def unknown(name: str, known: Iterable[str]) -> InferryError:
    """Return the error for a plugin that is not installed."""
    from inferry.planning._known import EXTRAS

    return InferryError(
        f"no plugin {name!r} is installed{did_you_mean(name, known)}",
        remedy=f'pip install "inferry[{name}]"'
        if name in EXTRAS
        else "`inferry plugins list` lists those that are",
    )


def descriptors_of(record: PluginRecord, loaded: Plugins) -> list[Provided[Any]]:
    """Return what one plugin provides."""
    mine = (record.installed.name, record.installed.distribution)
    return [
        item
        for items in (
            loaded.runtimes(),
            loaded.storage_backends(),
            loaded.autoscaling_policies(),
            loaded.settings(),
        )
        for item in items
        if (item.plugin, item.distribution) == mine
    ]


def documents(name: str, settings: Settings, loaded: Plugins) -> list[dict[str, Any]]:
    """Return the documents of the plugin, runtime or storage backend called *name*.

    Raises:
        InferryError: There is nothing of that name, or nothing that a cluster can run.

    """
    from inferry.planning import render_runtime, render_storage

    found = [
        render_runtime(item, settings)
        for item in loaded.runtimes()
        if name in (item.plugin, item.descriptor.name, *item.descriptor.aliases)
        and (item.descriptor.container or item.plugin != name)
    ]
    found += [
        render_storage(item, settings)
        for item in loaded.storage_backends()
        if name in (item.plugin, item.descriptor.name)
        and (item.descriptor.container or item.plugin != name)
    ]
    if not found:
        record = find(name, loaded.records)
        why = record.why or "it has no runtime or storage backend with a container"
        raise InferryError(f"nothing to render for {name!r}: {why}")
    return found


def without_ours(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document* without the annotations that only Inferry reads."""
    document = document | {"metadata": dict(document["metadata"])}
    metadata = document["metadata"]
    kept = {
        key: value
        for key, value in metadata.pop("annotations", {}).items()
        if not key.startswith("inferry.dev/")
    }
    if kept:
        metadata["annotations"] = kept
    return document


def missing_extras(loaded: Plugins) -> Iterable[str]:
    """Yield a line for each runtime whose implementation is not installed."""
    from inferry.plugins import lacks_extra

    for item in loaded.runtimes():
        model = item.descriptor.model
        if model is None or model.extra is None:
            continue
        if lacks_extra(item.distribution, model.extra):
            yield (
                f"runtime {item.descriptor.name!r} cannot serve on this machine yet; "
                f"pip install '{item.distribution}[{model.extra}]'"
            )
