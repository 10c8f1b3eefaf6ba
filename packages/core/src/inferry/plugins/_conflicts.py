"""Who provides a name that several plugins claim.

First-party names are protected, settings may name another provider, and where neither
decides nobody gets the name: silently taking one is unsafe in a cluster, failing
everything is an outage.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from inferry.config import SettingsSpec
from inferry.errors import PluginConflict, PluginError, PluginHookError
from inferry.plugins._descriptors import (
    AutoscalingPolicy,
    Runtime,
    StorageBackend,
)
from inferry.plugins._discovery import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inferry.plugins._collect import Provided

    Claim = tuple[str, str]

#: The distributions of the Inferry project; a prefix would let anybody in.
FIRST_PARTY = frozenset(
    {
        "inferry",
        "inferry-autoscaler",
        "inferry-controller",
        "inferry-gateway",
        "inferry-local",
        "inferry-server",
        "inferry-storage",
        "inferry-runtime-huggingface",
        "inferry-runtime-lightgbm",
        "inferry-runtime-onnx",
        "inferry-runtime-paddle",
        "inferry-runtime-python",
        "inferry-runtime-pytorch",
        "inferry-runtime-sklearn",
        "inferry-runtime-tensorflow",
        "inferry-runtime-triton",
        "inferry-runtime-xgboost",
    }
)


def is_first_party(distribution: str) -> bool:
    """Return whether *distribution* is one of the project's own."""
    return normalised(distribution) in FIRST_PARTY


def claims(descriptor: object) -> tuple[Claim, ...]:
    """Return every (kind, name) that *descriptor* wants for itself alone."""
    match descriptor:
        case Runtime(name=name, aliases=aliases):
            return tuple(("runtime", one) for one in (name, *aliases))
        case StorageBackend(name=name, schemes=schemes):
            return (("storage", name), *(("scheme", one) for one in schemes))
        case AutoscalingPolicy(name=name):
            return (("policy", name),)
        case SettingsSpec(section=section, key=key):
            return (("setting", f"{section}.{key}"),)
    return ()


def settle(
    provided: Iterable[Provided[Any]], overrides: Mapping[str, str]
) -> tuple[tuple[Provided[Any], ...], tuple[PluginError, ...]]:
    """Return what stays usable, and one problem for each name that was contested."""
    everything = tuple(provided)
    claimants: dict[Claim, list[Provided[Any]]] = defaultdict(list)
    for item in everything:
        for claim in dict.fromkeys(claims(item.descriptor)):
            claimants[claim].append(item)
    losers: set[int] = set()
    problems = []
    for claim, items in sorted(claimants.items(), key=lambda pair: pair[0]):
        if len(items) == 1:
            continue
        winner = _overriding(claim, items, overrides)
        if winner is None:
            winner = _protected(items)
            problems.append(_conflict(claim, items, winner))
        losers |= {id(item) for item in items if item is not winner}
    kept = tuple(item for item in everything if id(item) not in losers)
    return kept, tuple(problems)


def owned(
    specs: Iterable[Provided[SettingsSpec]],
) -> tuple[tuple[Provided[SettingsSpec], ...], tuple[PluginError, ...]]:
    """Return the settings that their plugin may declare, and the other problems."""
    kept = []
    problems = []
    for item in specs:
        section = item.descriptor.section
        own = f"plugins.{item.plugin}"
        if section == own or is_first_party(item.distribution):
            kept.append(item)
            continue
        problems.append(
            PluginHookError(
                f"plugin {item.plugin!r} ({item.distribution} {item.version}) declares "
                f"a setting in [{section}], which is not its section",
                plugin=item.plugin,
                distribution=item.distribution,
                remedy=f"declare it in [{own}]",
            )
        )
    return tuple(kept), tuple(problems)


def _overriding(
    claim: Claim, items: list[Provided[Any]], overrides: Mapping[str, str]
) -> Provided[Any] | None:
    """Return the one that settings name as provider of *claim*, if it is there once."""
    named = overrides.get(".".join(claim))
    if named is None:
        return None
    matching = [
        item
        for item in items
        if normalised(named) in (normalised(item.plugin), normalised(item.distribution))
    ]
    return matching[0] if len(matching) == 1 else None


def _protected(items: list[Provided[Any]]) -> Provided[Any] | None:
    ours = [item for item in items if is_first_party(item.distribution)]
    return ours[0] if len(ours) == 1 else None


def _conflict(
    claim: Claim, items: list[Provided[Any]], winner: Provided[Any] | None
) -> PluginConflict:
    kind, name = claim
    who = " and ".join(dict.fromkeys(item.distribution for item in items))
    others = [item for item in items if item is not winner]
    result = f"{winner.distribution}'s is kept" if winner else "none of them is usable"
    choice = others[0].distribution
    return PluginConflict(
        f"{kind} {name!r} is claimed by {who}; {result}",
        plugin=others[0].plugin,
        distribution=choice,
        remedy=f"name one of them in the setting plugins.deny, or choose with "
        f'plugins.override."{kind}.{name}" = "{choice}"',
    )
