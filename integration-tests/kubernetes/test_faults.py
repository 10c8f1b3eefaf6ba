"""Every fault has a reason of its own, and a remedy, within 30 seconds.

All of them are there at once, as on a cluster of many teams, and one controller tells
them apart. What is wrong is really wrong: nobody plays the API server, admission, the
scheduler or the Gateway here.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bed.api import is_true, until
from controlled import SERVICES, Room, predictor, service
from faults_of_clusters import FAULTS
from faulty import Told, check, inject, named, no_secret, put_right, watched
from inferry_controller.backend import KubernetesBackend
from troubled import troubled

from inferry.status import FATAL, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bed.cluster import Cluster

PAGE = Path(__file__).parents[2] / "docs/how-to/troubleshoot-on-kubernetes.md"
HEALING = {name: fault for name, fault in FAULTS.items() if fault.heals}
#: The ReplicaSet's controller tries again by itself, ever more rarely.
_HEALED = 60


@pytest.fixture(scope="module")
def places(full_cluster: Cluster) -> Iterator[Mapping[str, str]]:
    """Return a namespace for each kind of trouble, and one controller for all."""
    with troubled(full_cluster) as found:
        yield found


@pytest.fixture(scope="module")
def told(full_cluster: Cluster, places: Mapping[str, str]) -> dict[str, Told]:
    """Return what each service says once it says its reason, or 30 s have passed."""
    at = inject(FAULTS, full_cluster.api, places)
    return watched(FAULTS, full_cluster.api, places, at)


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_reason_and_remedy(
    name: str, told: Mapping[str, Told]
) -> None:
    check(name, FAULTS[name], told[name])


def test_every_command_tells_the_same(
    full_cluster: Cluster, places: Mapping[str, str], told: Mapping[str, Told]
) -> None:
    """`kubectl get` says that it is not ready, `inferry describe` why."""
    assert told
    backend = KubernetesBackend(kubeconfig=str(full_cluster.kubeconfig))
    for place, namespace in places.items():
        done = full_cluster.kubectl("get", "isvc", "-n", namespace, "--no-headers")
        assert done.returncode == 0, done.stderr
        rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()}
        here = [name for name, fault in FAULTS.items() if fault.where == place]
        assert [name for name in here if "False" not in rows[name]] == []
        for name in here:
            found = asyncio.run(backend.describe(namespace, name))
            status = full_cluster.api.get(SERVICES, name, namespace)["status"]
            assert found.reason == FAULTS[name].reason == status["reason"]
            assert found.message == status["message"]
            assert found.remedy == status["remedy"]
            assert any(FAULTS[name].reason in line for line in found.events), name


def test_nothing_secret_is_told(
    full_cluster: Cluster, places: Mapping[str, str], told: Mapping[str, Told]
) -> None:
    assert told
    for namespace in places.values():
        no_secret(full_cluster.api.list(SERVICES, namespace))
        no_secret(full_cluster.api.list("events", namespace))


def test_a_fault_that_is_mended_is_forgotten(
    full_cluster: Cluster, places: Mapping[str, str], told: Mapping[str, Told]
) -> None:
    """The service gets Ready, and nothing of its fault is left in its status."""
    assert told
    api = full_cluster.api
    for name, fault in HEALING.items():
        put_right(name, fault, api, places[fault.where])
    for name, fault in HEALING.items():
        room = Room(api, places[fault.where])
        found = room.ready(name, _HEALED)
        assert {"reason", "message", "remedy"} & set(found["status"]) == set()


def test_two_services_do_not_take_each_others_deployment(
    full_cluster: Cluster, places: Mapping[str, str]
) -> None:
    """A canary named like the rest of another's name: who comes last is refused."""
    room = Room(full_cluster.api, places["plain"])
    room.apply(service("first-second"))
    room.ready("first-second")
    canary = {"predictor": predictor("other", name="second"), "trafficPercent": 10}
    room.apply(service("first", canary=[canary]))
    found = room.reason("NameConflict", "first")
    assert "first-second-predictor" in found["status"]["message"]
    assert f"{room.namespace}/first-second" in found["status"]["message"]
    (owner,) = room.deployments("first-second")["first-second-predictor"]["metadata"][
        "ownerReferences"
    ]
    assert owner["name"] == "first-second"
    assert is_true(room.get("first-second"), "Ready")
    room.api.delete(SERVICES, "first-second", room.namespace)
    until(
        lambda: is_true(room.get("first"), "Ready"), "first to take the name", _HEALED
    )
    room.api.delete(SERVICES, "first", room.namespace)


def test_a_name_that_is_too_long_is_refused_at_the_door(
    full_cluster: Cluster, places: Mapping[str, str]
) -> None:
    """No status can tell of it: Kubernetes itself would take no pod of that name."""
    room = Room(full_cluster.api, places["plain"])
    with pytest.raises(Exception, match="at most 63 characters"):
        room.apply(named("x" * 60, service()))


def test_every_reason_here_needs_somebody_to_act() -> None:
    """None of them is one that a service has on its way."""
    assert {fault.reason for fault in FAULTS.values()} <= FATAL
    assert len(FAULTS) >= 25


def test_the_page_names_every_reason() -> None:
    """Whoever meets one finds it there."""
    page = PAGE.read_text()
    assert [str(each) for each in Reason if f"`{each}`" not in page] == []
