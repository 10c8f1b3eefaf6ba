"""Two processes, one lease: exactly one writes, whatever becomes of the other."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from bed.api import until
from bed.faults import Fault
from inferry_controller.kube.client import Client
from inferry_controller.kube.election import Election, NotLeading
from kube_users import account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bed.cluster import Cluster
    from bed.faults import Call, FaultProxy

_PROGRAM = Path(__file__).parent / "kube_candidate.py"
_LEASE_LOST = 75


class Candidate:
    """A process of `kube_candidate`."""

    def __init__(
        self, kubeconfig: Path, namespace: str, name: str, *times: str
    ) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, _PROGRAM, kubeconfig, namespace, name, *times],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._says(60) == "started"

    def leads(self, within: float) -> bool:
        """Whether it says within so many seconds that it leads."""
        return self._says(within) == "leading"

    def _says(self, within: float) -> str:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], within)
        if not ready:
            return ""
        word, _, port = self._process.stdout.readline().partition(" ")
        self.port = int(port or 0)
        return word

    def send(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def end(self, within: float = 20) -> tuple[int, str]:
        """Return its exit status and what it logged."""
        _, log = self._process.communicate(timeout=within)
        return self._process.returncode, log

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@pytest.fixture
def start() -> Iterator[Callable[..., Candidate]]:
    """Return what starts a candidate; it ends with the test."""
    with ExitStack() as stack:

        def started(*arguments: object) -> Candidate:
            candidate = Candidate(*arguments)
            stack.callback(candidate.close)
            return candidate

        yield started


def written(cluster: Cluster, namespace: str, name: str) -> int:
    found = cluster.api.find("configmaps", name, namespace)
    return int(found["data"]["written"]) if found else 0


def test_a_leader_that_is_killed_is_followed_within_17_seconds(
    cluster: Cluster, namespace: str, start: Callable[..., Candidate]
) -> None:
    one = start(cluster.kubeconfig, namespace, "one")
    assert one.leads(20)
    two = start(cluster.kubeconfig, namespace, "two")
    assert not two.leads(4)
    assert written(cluster, namespace, "one") > 3
    assert written(cluster, namespace, "two") == 0
    one.send(signal.SIGKILL)
    killed = time.monotonic()
    assert two.leads(20)
    assert time.monotonic() - killed <= 17
    until(lambda: written(cluster, namespace, "two"), "the second to write")
    two.send(signal.SIGTERM)
    status, _ = two.end()
    assert status == 0


def test_a_leader_that_stops_hands_over_at_once(
    cluster: Cluster, namespace: str, start: Callable[..., Candidate]
) -> None:
    one = start(cluster.kubeconfig, namespace, "one")
    assert one.leads(20)
    two = start(cluster.kubeconfig, namespace, "two")
    assert not two.leads(4)
    one.send(signal.SIGTERM)
    begun = time.monotonic()
    status, log = one.end()
    assert status == 0, log
    assert two.leads(5)
    assert time.monotonic() - begun < 5
    lease = cluster.api.get("leases", "candidates", namespace)
    assert lease["spec"]["holderIdentity"] == "two"
    assert lease["spec"]["leaseTransitions"] == 1


def test_a_leader_that_cannot_renew_ends_before_another_may_lead(
    cluster: Cluster,
    namespace: str,
    fault_proxy: FaultProxy,
    start: Callable[..., Candidate],
) -> None:
    """Its renewals hang; its own deadline counts, not that of the call."""
    behind = account(cluster, namespace, fault_proxy.url)
    one = start(behind, namespace, "one", "6", "4", "1")
    assert one.leads(20)
    two = start(cluster.kubeconfig, namespace, "two", "6", "4", "1")
    assert not two.leads(3)
    fault_proxy.rule = hung
    status, log = one.end(30)
    assert not two.leads(0)
    assert status == _LEASE_LOST, log
    assert "was not renewed for 4 s" in log
    before = written(cluster, namespace, "one")
    assert two.leads(30)
    assert written(cluster, namespace, "one") == before


def hung(call: Call) -> Fault | None:
    return Fault(delay=60) if call.path.endswith("/leases/candidates") else None


def test_a_leader_that_was_stopped_does_not_write_when_it_wakes(
    cluster: Cluster, namespace: str, start: Callable[..., Candidate]
) -> None:
    one = start(cluster.kubeconfig, namespace, "one", "4", "3", "1")
    assert one.leads(20)
    two = start(cluster.kubeconfig, namespace, "two", "4", "3", "1")
    assert not two.leads(3)
    one.send(signal.SIGSTOP)
    time.sleep(0.5)
    before = written(cluster, namespace, "one")
    assert two.leads(10)
    one.send(signal.SIGCONT)
    status, log = one.end()
    assert status == _LEASE_LOST, log
    assert written(cluster, namespace, "one") == before


def test_probes_and_metrics_are_those_of_controller_runtime(
    cluster: Cluster, namespace: str, start: Callable[..., Candidate]
) -> None:
    one = start(cluster.kubeconfig, namespace, "one")
    assert one.leads(20)
    url = f"http://127.0.0.1:{one.port}"
    assert httpx.get(f"{url}/healthz").text == "ok"
    assert httpx.get(f"{url}/readyz?verbose").text == "[+]caches ok\n"
    shown = httpx.get(f"{url}/metrics").text
    labels = '{controller="candidate",name="candidate"}'
    for line in (
        f"workqueue_adds_total{labels}",
        f"workqueue_retries_total{labels}",
        f"workqueue_queue_duration_seconds_count{labels}",
        f"workqueue_work_duration_seconds_count{labels}",
        f"workqueue_unfinished_work_seconds{labels}",
        f"workqueue_longest_running_processor_seconds{labels}",
        'workqueue_depth{controller="candidate",name="candidate",priority="0"}',
        'controller_runtime_reconcile_total{controller="candidate",result="success"}',
        'controller_runtime_reconcile_errors_total{controller="candidate"}',
        'controller_runtime_reconcile_panics_total{controller="candidate"}',
        'controller_runtime_reconcile_time_seconds_count{controller="candidate"}',
        'controller_runtime_active_workers{controller="candidate"}',
        'controller_runtime_max_concurrent_reconciles{controller="candidate"} 16.0',
        f'rest_client_requests_total{{code="200",host="127.0.0.1:{cluster.port}"',
        'leader_election_master_status{name="candidates"} 1.0',
        "process_resident_memory_bytes",
    ):
        assert line in shown, line
    assert "_created" not in shown


async def test_of_two_candidates_in_a_race_one_leads(
    cluster: Cluster, namespace: str
) -> None:
    async with (
        Client.connect(str(cluster.kubeconfig)) as first,
        Client.connect(str(cluster.kubeconfig)) as second,
    ):
        elections = [
            Election(client, namespace, "race", f"{number}")
            for number, client in enumerate([first, second] * 4)
        ]
        asked = await asyncio.gather(*(each._try() for each in elections))
        assert asked.count(True) == 1
        assert sum(each.leading for each in elections) == 1


async def test_a_renewal_that_hangs_does_not_outlive_the_deadline(
    cluster: Cluster, namespace: str, fault_proxy: FaultProxy
) -> None:
    kubeconfig = account(cluster, namespace, fault_proxy.url)
    async with Client.connect(str(kubeconfig)) as client:
        times = {"duration": 3.0, "deadline": 2.0, "retry": 0.5}
        election = Election(client, namespace, "candidates", "me", **times)
        await asyncio.wait_for(election.acquire(), 10)
        fault_proxy.rule = hung
        begun = time.monotonic()
        with pytest.raises(NotLeading):
            await asyncio.wait_for(election.keep(), 10)
        assert time.monotonic() - begun < 3
