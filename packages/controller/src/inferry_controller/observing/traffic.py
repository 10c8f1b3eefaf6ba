"""KServe's ``status.components``: urls, revisions and shares of each component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_controller.observing.observation import Observation
    from inferry_controller.rendering.placement import Placement


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service answers; the maps are by component, as rendering gives them.

    ``url`` and ``components`` are for outside, ``address`` and ``inside`` for the
    cluster; ``rest`` and ``grpc`` tell the two protocols apart.
    """

    url: str = ""
    address: str = ""
    components: Mapping[str, str] = {}
    inside: Mapping[str, str] = {}
    rest: Mapping[str, str] = {}
    grpc: Mapping[str, str] = {}


def components(
    placements: Sequence[Placement],
    observation: Observation,
    addresses: Addresses,
    history: Mapping[str, str],
) -> dict[str, Any]:
    """Return what is told of each component of the newest revision."""
    newest = next(
        (p for p in placements if p.revision.name == observation.latest), None
    )
    newest = newest or next(iter(placements), None)
    if newest is None:
        return {}
    return {
        part.component: _component(
            part.component, placements, observation, addresses, history
        )
        for part in newest.revision.components
    }


def _component(
    name: str,
    placements: Sequence[Placement],
    observation: Observation,
    addresses: Addresses,
    history: Mapping[str, str],
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "url": addresses.components.get(name, ""),
        "restUrl": addresses.rest.get(name, ""),
        "grpcUrl": addresses.grpc.get(name, ""),
        "latestCreatedRevision": history.get("created") or observation.latest,
        "latestReadyRevision": history.get("ready", ""),
        "latestRolledoutRevision": history.get("rolled", ""),
        "previousRolledoutRevision": history.get("previous", ""),
    }
    told = {key: value for key, value in told.items() if value}
    if inside := addresses.inside.get(name):
        told["address"] = {"url": inside}
    if traffic := _traffic(placements, observation):
        told["traffic"] = traffic
    return told


def shares(placements: Sequence[Placement], observation: Observation) -> dict[str, int]:
    """Return which revision gets which share now, in per cent.

    While an edit in place is on its way, the revision that it replaces has the share.
    """
    found: dict[str, int] = {}
    for each in placements:
        name = each.revision.name
        replaced = observation.serving and not observation.of(observation.serving)
        if replaced and name == observation.latest:
            name = observation.serving
        if each.weight:
            found[name] = found.get(name, 0) + each.weight
    return found


def _traffic(
    placements: Sequence[Placement], observation: Observation
) -> list[dict[str, Any]]:
    """Return the shares, the newest revision's first; one without any is left out."""
    variants = {each.revision.name: each.revision.variant for each in placements}
    latest = observation.latest
    found = shares(placements, observation).items()
    return [
        _share(name, percent, latest, variants.get(name, ""))
        for name, percent in sorted(found, key=lambda each: each[0] != latest)
    ]


def _share(name: str, percent: int, latest: str, variant: str) -> dict[str, Any]:
    tag = variant or ("" if name == latest else "prev")
    share: dict[str, Any] = {
        "revisionName": name,
        "percent": percent,
        "latestRevision": name == latest,
    }
    return {**share, "tag": tag} if tag else share
