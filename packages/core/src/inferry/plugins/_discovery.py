"""Depth 0: which plugins are installed, from metadata alone; nothing is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from inferry import __version__
from inferry.errors import PluginError, PluginIncompatible, PluginLoadError
from inferry.plugins._hookspecs import GROUP

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from inferry.config import Settings
    from inferry.plugins._descriptors import Role

_ANY_GROUP = re.compile(r"inferry\.plugins\.v(\d+)\Z")
_CORE = "inferry"
#: A bound on core decides; a plugin without one is taken at its word.
_NO_BOUND = ""

Verdict = Literal["allowed", "disabled", "incompatible", "shadowed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One entry point, judged by its metadata.

    ``name`` is the plugin's name, ``value`` the module behind it, ``requires`` the
    bounds it sets on inferry, ``why`` explains any verdict but ``allowed``.
    """

    name: str
    value: str
    distribution: str
    version: str
    requires: str
    verdict: Verdict
    why: str = ""


def normalised(name: str) -> str:
    """Return the name of a distribution as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def discover(
    role: Role, settings: Settings, *, only: Iterable[str] | None = None
) -> tuple[tuple[Installed, ...], tuple[PluginError, ...]]:
    """Return every installed plugin in (name, value) order, and what is wrong already.

    *only* limits what is allowed to the plugins of these names; a server that knows
    which plugin it needs names it here.
    """
    gate = _Gate(role, settings, only)
    everything, problems = _entry_points()
    plugins: list[Installed] = []
    kept: dict[str, Installed] = {}
    for point in everything:
        if point.group != GROUP:
            continue
        plugin = gate.judge(point)
        if plugin.verdict == "allowed" and plugin.name in kept:
            plugin, problem = _shadowed(plugin, kept[plugin.name])
            problems.append(problem)
        elif plugin.verdict == "allowed":
            kept[plugin.name] = plugin
        elif plugin.verdict == "incompatible":
            problems.append(_incompatible(plugin))
        plugins.append(plugin)
    problems += _other_groups(everything, {plugin.distribution for plugin in plugins})
    return tuple(plugins), tuple(problems)


class _Gate:
    """Decides from names and bounds whether a plugin may be imported."""

    def __init__(
        self, role: Role, settings: Settings, only: Iterable[str] | None
    ) -> None:
        self._role = role
        self._allow = _names(settings.value("plugins", "allow"))
        self._deny = _names(settings.value("plugins", "deny"))
        self._only = None if only is None else _names(only)

    def judge(self, point: metadata.EntryPoint) -> Installed:
        dist = point.dist
        distribution, version = _identity(dist)
        requires = _core_bounds(dist) if dist is not None else _NO_BOUND
        why = self._refused({normalised(point.name), normalised(distribution)})
        verdict: Verdict = "disabled" if why else "allowed"
        if not why and not _in_bounds(requires):
            verdict = "incompatible"
            why = f"needs inferry{requires}, this is inferry {__version__}"
        return Installed(
            name=point.name,
            value=point.value,
            distribution=distribution,
            version=version,
            requires=requires,
            verdict=verdict,
            why=why,
        )

    def _refused(self, names: set[str]) -> str:
        """Return why a plugin of these *names* is disabled, or ''."""
        if names & self._deny:
            return "denied by the setting plugins.deny"
        if self._only is not None and not names & self._only:
            return "not asked for"
        if self._allow and not names & self._allow:
            return "not in the setting plugins.allow"
        chosen = self._allow or self._only is not None
        if not chosen and self._role in ("controller", "server"):
            return f"a {self._role} loads only what the setting plugins.allow names"
        return ""


def _names(names: Iterable[str]) -> set[str]:
    return {normalised(name) for name in names}


def _entry_points() -> tuple[list[metadata.EntryPoint], list[PluginError]]:
    """Return the entry points of every contract version, and unreadable metadata."""
    problems: list[PluginError] = []
    found: list[metadata.EntryPoint] = []
    try:
        found += _ours(metadata.entry_points())
    except Exception:  # noqa: BLE001 - one broken file of anybody's ends up here
        for dist in metadata.distributions():
            try:
                found += _ours(dist.entry_points)
            except Exception as exc:  # noqa: BLE001 - as above
                problems.append(_unreadable(dist, exc))
    return sorted(found, key=lambda point: (point.name, point.value)), problems


def _ours(
    points: metadata.EntryPoints | metadata.SelectableGroups,
) -> list[metadata.EntryPoint]:
    # Python 3.11 returns another type than 3.12; these two they have in common.
    groups = filter(_ANY_GROUP.match, points.groups)
    return [point for group in groups for point in points.select(group=group)]


def _unreadable(dist: metadata.Distribution, exc: Exception) -> PluginError:
    distribution, _ = _identity(dist)
    return PluginLoadError(
        f"the entry points of {distribution} cannot be read: {exc}",
        plugin=distribution,
        distribution=distribution,
        remedy=f"reinstall or remove {distribution}",
    )


def _identity(dist: metadata.Distribution | None) -> tuple[str, str]:
    """Return name and version of *dist*; an interrupted uninstall leaves neither."""
    if dist is None:
        return "unknown", ""
    try:
        return str(dist.metadata["Name"] or "unknown"), str(dist.metadata["Version"])
    except Exception:  # noqa: BLE001 - Python 3.14 raises where METADATA is gone
        return "unknown", ""


def _core_bounds(dist: metadata.Distribution) -> str:
    """Return the version specifier that *dist* sets on inferry, '' if none."""
    # The parser costs 10 ms, which commands that load no plugin need not pay.
    from packaging.requirements import InvalidRequirement, Requirement

    bounds = []
    for line in dist.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if normalised(requirement.name) != _CORE:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            bounds.append(str(requirement.specifier))
    return ",".join(filter(None, bounds))


def _in_bounds(requires: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(requires).contains(__version__, prereleases=True)


def _incompatible(plugin: Installed) -> PluginError:
    return PluginIncompatible(
        f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}) "
        f"{plugin.why}; it was not imported",
        plugin=plugin.name,
        distribution=plugin.distribution,
        remedy=f"pip install --upgrade {plugin.distribution} {_CORE}",
    )


def _shadowed(plugin: Installed, kept: Installed) -> tuple[Installed, PluginError]:
    why = f"{kept.distribution} has a plugin of the same name, which is kept"
    problem = PluginLoadError(
        f"plugin {plugin.name!r} of {plugin.distribution} is not loaded: {why}",
        plugin=plugin.name,
        distribution=plugin.distribution,
        remedy="name the one you do not want in the setting plugins.deny, by its "
        "distribution",
    )
    changed = Installed(
        name=plugin.name,
        value=plugin.value,
        distribution=plugin.distribution,
        version=plugin.version,
        requires=plugin.requires,
        verdict="shadowed",
        why=why,
    )
    return changed, problem


def _other_groups(
    everything: Iterable[metadata.EntryPoint], spoken: Collection[str]
) -> list[PluginError]:
    """Report plugins that speak only versions of the contract that core does not."""
    problems: list[PluginError] = []
    for point in everything:
        distribution, _ = _identity(point.dist)
        if point.group == GROUP or distribution in spoken:
            continue
        problems.append(
            PluginIncompatible(
                f"plugin {point.name!r} of {distribution} speaks {point.group}, "
                f"this inferry speaks {GROUP}",
                plugin=point.name,
                distribution=distribution,
                remedy=f"pip install --upgrade {distribution} {_CORE}",
            )
        )
    return problems
