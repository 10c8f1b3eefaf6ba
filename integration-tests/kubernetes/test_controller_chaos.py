"""Everything at once: kills, faults, edits and foreign hands, and then it is right."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from bed.api import ApiError, is_true, until
from bed.faults import Fault
from controlled import SERVICES, Room, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bed.cluster import Cluster
    from bed.controller import Controller
    from bed.faults import Call, FaultProxy

pytestmark = pytest.mark.full

MANY = 24
SECONDS = 15.0
INSIDE = {"KUBERNETES__INGRESS": "none"}
STOP = "serving.kserve.io/stop"
PLURALS = {
    "Deployment": "deployments",
    "Service": "services",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "PodDisruptionBudget": "poddisruptionbudgets",
}
_BROKEN = Fault(status=500)


class Chaos:
    """Does things to services at random, and knows what is asked for in the end."""

    def __init__(self, room: Room, seed: int) -> None:
        self.room = room
        self.dice = random.Random(seed)
        self.alive: dict[str, dict[str, Any]] = {}

    def step(self) -> None:
        """Do one thing to one service."""
        name, chance = f"m{self.dice.randrange(MANY)}", self.dice.random()
        if name not in self.alive or chance > 0.45:
            self.alive[name] = self._some(name)
            self.room.apply(self.alive[name])
        elif chance < 0.2:
            self.room.api.delete(SERVICES, name, self.room.namespace)
            del self.alive[name]
        else:
            self._meddle(name, chance)

    def trouble(self, call: Call) -> Fault | None:
        """Return what happens to a call to the API server."""
        chance = self.dice.random()
        if call.is_watch:
            return None
        if int(time.monotonic()) % 7 == 0 and chance < 0.6:
            return Fault(status=503, retry_after=1) if chance < 0.3 else _BROKEN
        if chance < 0.05 and call.is_write:
            return Fault(cut=True, after=True)
        if chance < 0.1:
            return Fault(cut=True)
        return Fault(delay=chance) if chance < 0.3 else None

    def _some(self, name: str) -> dict[str, Any]:
        more: dict[str, Any] = {}
        if self.dice.random() < 0.3:
            more = {"minReplicas": self.dice.randrange(1, 4)}
        if self.dice.random() < 0.1:
            more["maxReplicas"] = 5
        made = service(name, predictor=predictor(f"p{self.dice.randrange(4)}", **more))
        if self.dice.random() < 0.2:
            container = {"name": "kserve-container", "image": "example/transformer:1"}
            made["spec"]["transformer"] = {"containers": [container]}
        if self.dice.random() < 0.05:
            made["metadata"]["annotations"][STOP] = "true"
        return made

    def _meddle(self, name: str, chance: float) -> None:
        """Be somebody who does not know whose object that is."""
        api, namespace, child = self.room.api, self.room.namespace, f"{name}-predictor"
        wrong = {"spec": {"selector": {"app": "wrong"}}}
        try:
            if chance < 0.3:
                api.delete("deployments", child, namespace)
            elif chance < 0.35:
                api.delete("services", child, namespace)
            else:
                api.patch("services", child, namespace, wrong)
        except ApiError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise


def test_whatever_happens_just_what_is_asked_for_is_there_in_the_end(
    full_cluster: Cluster,
    namespace: str,
    new_controller: Callable[..., Controller],
    fault_proxy: FaultProxy,
) -> None:
    """Nothing is missing, left over, otherwise than rendered, or written again."""
    room = Room(full_cluster.api, namespace)
    chaos = Chaos(room, 5)
    controller = new_controller(
        full_cluster, watched=(namespace,), url=fault_proxy.url, **INSIDE
    )
    fault_proxy.rule = chaos.trouble
    end = time.monotonic() + SECONDS
    killed = time.monotonic()
    while time.monotonic() < end:
        chaos.step()
        if chaos.dice.random() < 0.05:
            fault_proxy.close_watches()
        if time.monotonic() - killed > 4:
            controller.kill()
            controller.process.start()
            killed = time.monotonic()
        time.sleep(chaos.dice.random() / 12)
    fault_proxy.rule = lambda _: None
    fault_proxy.close_watches()

    with contextlib.suppress(AssertionError):
        until(lambda: not list(_unfinished(room)), "every service finished", 120)
    assert not list(_unfinished(room))

    wanted = _rendered(chaos.alive.values(), namespace)
    until(lambda: set(_living(room)) == set(wanted), "no child left over", 60)
    _wait_for_silence(fault_proxy)
    living = _living(room)
    differences = {
        child: list(_differences(wanted[child], living[child])) for child in wanted
    }
    assert not {child: found for child, found in differences.items() if found}
    uids = {each["metadata"]["uid"] for each in room.api.list(SERVICES, namespace)}
    assert {_owner(each) for each in living.values()} <= uids
    asked = len(fault_proxy.writes())
    controller.restart()
    time.sleep(3)
    assert not fault_proxy.writes()[asked:]
    assert "Traceback" not in controller.log


def test_another_controller_takes_over_from_a_leader_that_is_killed(
    full_cluster: Cluster,
    namespace: str,
    new_controller: Callable[..., Controller],
) -> None:
    """What was asked for in between is done, and only one works at a time."""
    room = Room(full_cluster.api, namespace)
    options = {**INSIDE, "CONTROLLER__LEADER_ELECTION": "true"}
    both = [
        new_controller(full_cluster, watched=(namespace,), **options) for _ in range(2)
    ]
    room.apply(service("before"))
    room.ready("before")
    leading = [each for each in both if _leads(each)]
    assert len(leading) == 1

    leading[0].kill()
    room.apply(service("after"))
    room.apply(service("before", "two"))

    room.ready("after", 60)
    until(lambda: "s3://models/two" in str(room.deployments("before")), "the edit done")
    assert all("Traceback" not in each.log for each in both)


def _leads(controller: Controller) -> bool:
    metrics = controller.metrics()
    return any(
        value == 1
        for name, value in metrics.items()
        if name.startswith("leader_election_master_status")
    )


def _unfinished(room: Room) -> Iterator[str]:
    for found in room.api.list(SERVICES, room.namespace):
        metadata, status = found["metadata"], found.get("status") or {}
        stopped = (metadata.get("annotations") or {}).get(STOP) == "true"
        done = (
            status.get("phase") == "Stopped"
            if stopped
            else is_true(found, "Ready") and status["inferry"].get("plain")
        )
        if not done or status["observedGeneration"] != metadata["generation"]:
            kept = {**(status.get("inferry") or {}), "children": None}
            phase, reason = status.get("phase"), status.get("reason")
            yield f"{metadata['name']}: {phase} {reason} {kept}"


def _wait_for_silence(proxy: FaultProxy, seconds: float = 60) -> None:
    """Wait until nothing has been written for some seconds: autoscalers act late."""
    since = time.monotonic()
    end, seen = since + seconds, -1
    while time.monotonic() - since < 5:
        count, now = len(proxy.writes()), time.monotonic()
        if count != seen:
            seen, since = count, now
        if now > end:
            last = [(each.method, each.path) for each in proxy.writes()[-5:]]
            pytest.fail(f"it writes for ever: {last}")
        time.sleep(0.1)


def _living(room: Room) -> dict[tuple[str, str], dict[str, Any]]:
    selector = "app.kubernetes.io/managed-by=inferry-controller"
    return {
        (kind, each["metadata"]["name"]): each
        for kind, plural in PLURALS.items()
        for each in room.api.list(plural, room.namespace, selector)
    }


def _owner(obj: dict[str, Any]) -> str:
    (owner,) = obj["metadata"]["ownerReferences"]
    uid: str = owner["uid"]
    return uid


def _rendered(documents: Any, namespace: str) -> dict[tuple[str, str], Any]:
    """Return what `inferry render` prints of *documents*, by kind and name."""
    moved = [
        {**each, "metadata": {**each["metadata"], "namespace": namespace}}
        for each in documents
    ]
    environment = {k: v for k, v in os.environ.items() if "INFERRY" not in k}
    printed = subprocess.run(
        [sys.executable, "-m", "inferry", "render", "-", "--backend", "kubernetes"],
        env=environment | {"INFERRY_KUBERNETES__INGRESS": "none"},
        input=yaml.safe_dump_all(moved),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    found = filter(None, yaml.safe_load_all(printed))
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def _differences(wanted: Any, living: Any, path: str = "") -> Iterator[str]:
    """Say where *living* is otherwise than what was rendered; it may have more."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            # The items of a list do not repeat what they are.
            if path or key not in {"apiVersion", "kind"}:
                yield from _differences(value, (living or {}).get(key), f"{path}/{key}")
    elif isinstance(wanted, list) and len(wanted) == len(living or ()):
        for number, (one, other) in enumerate(zip(wanted, living, strict=True)):
            yield from _differences(one, other, f"{path}/{number}")
    elif wanted != living:
        yield f"{path}: {wanted!r} is {living!r}"
