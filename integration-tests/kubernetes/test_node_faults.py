"""What goes wrong on a real node has a reason of its own within 30 seconds, too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from controlled import SERVICES
from faults_of_nodes import BUCKETS, FAULTS, WAVES
from faulty import Told, check, inject, no_secret, watched
from inferry_controller.backend import KubernetesBackend

from inferry.status import FATAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bed.api import Object
    from bed.site import Site

    from inferry.backends import ServiceStatus

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def places(site: Site) -> dict[str, str]:
    """Return a restricted namespace with keys to the store, and one that is open."""
    for bucket, tree in BUCKETS.items():
        site.store.make(bucket)
        for name, data in tree.items():
            site.store.put(bucket, name, data)
    return {"plain": site.namespace(), "open": site.cluster.namespace("open")}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the status, `inferry describe` and the objects around say of one fault."""

    told: Told
    described: ServiceStatus
    objects: tuple[Object, ...]


@pytest.fixture(scope="module")
def found(site: Site, places: Mapping[str, str]) -> dict[str, Found]:
    """Return what each service says once it says its reason, or 30 s have passed.

    Each wave goes before the next comes: what crashes again and again costs time.
    """
    made: dict[str, Found] = {}
    api = site.cluster.api
    backend = KubernetesBackend(kubeconfig=str(site.cluster.kubeconfig))
    for wave in WAVES:
        at = inject(wave, api, places)
        for name, told in watched(wave, api, places, at).items():
            place = places[wave[name].where]
            made[name] = Found(
                told=told,
                described=asyncio.run(backend.describe(place, name)),
                objects=(
                    api.get(SERVICES, name, place),
                    *api.list("deployments", place),
                    *api.list("events", place),
                ),
            )
        for name, fault in wave.items():
            api.delete(SERVICES, name, places[fault.where])
    return made


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_reason_and_remedy(
    name: str, found: Mapping[str, Found]
) -> None:
    """`inferry describe` says the same, with the log of what failed."""
    fault, one = FAULTS[name], found[name]
    check(name, fault, one.told)
    assert one.described.reason == fault.reason
    assert one.described.remedy == one.told.status["remedy"]
    pods = one.described.pods
    assert not pods or fault.reason in {pod.reason for pod in pods}
    assert any(fault.reason in line for line in one.described.events)


def test_nothing_secret_is_told(found: Mapping[str, Found]) -> None:
    """Neither in a status nor in an event, a Deployment, or a line that is shown."""
    for one in found.values():
        no_secret([*one.objects, *one.described.events])
        no_secret([[pod.message, *pod.log] for pod in one.described.pods])


def test_every_reason_here_needs_somebody_to_act() -> None:
    """None of them is one that a service has on its way."""
    assert {fault.reason for fault in FAULTS.values()} <= FATAL
