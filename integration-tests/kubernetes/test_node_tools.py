"""What a user gets from real pods: logs, reasons, an end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from bed import services
from bed.api import until
from site_services import FLOWER, deploy, pods, service

if TYPE_CHECKING:
    from bed.site import Site

pytestmark = pytest.mark.full

SECONDS = 60


@pytest.fixture(scope="module")
def talking(site: Site, home: str, bucket: str) -> str:
    """Return a service whose pods have something to say."""
    return deploy(site, home, service("talking", bucket, "sklearn"))


def inferry(site: Site, home: str, verb: str, *arguments: str) -> list[str]:
    """Return the command line of a verb about a service of this cluster."""
    where = ("--backend", "kubernetes", "--kubeconfig", str(site.cluster.kubeconfig))
    return [sys.executable, "-m", "inferry", verb, *arguments, "-n", home, *where]


def said(site: Site, home: str, verb: str, *arguments: str) -> str:
    done = subprocess.run(
        inferry(site, home, verb, *arguments),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_logs_are_those_of_the_fetch_and_of_the_server(
    site: Site, home: str, talking: str
) -> None:
    (pod,) = pods(site, home, talking)
    name = pod["metadata"]["name"]
    lines = said(site, home, "logs", talking).splitlines()
    prefixes = {line.partition("]")[0] for line in lines}
    assert prefixes == {f"[{name}", f"[{name} storage-initializer"}
    last = said(site, home, "logs", talking, "--tail", "1").splitlines()
    assert len(last) == 2
    assert set(last) <= set(lines)


def test_logs_go_on_with_the_pods_that_come(
    site: Site, home: str, talking: str
) -> None:
    """One follows the log, the pod goes, and the log goes on with the next one."""
    (pod,) = pods(site, home, talking)
    old = pod["metadata"]["name"]
    command = inferry(site, home, "logs", talking, "--follow", "--tail", "1")
    seen: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        output = following.stdout
        reading = threading.Thread(target=lambda: seen.extend(output), daemon=True)
        reading.start()
        until(lambda: any(old in line for line in seen), "the old pod's log", SECONDS)
        site.cluster.api.request("DELETE", site.cluster.api.path("pods", old, home))
        until(lambda: any(old not in line for line in seen), "another log", SECONDS)
        following.terminate()
        reading.join(SECONDS)
    services.ready(site.cluster.api, talking, home, SECONDS)


def test_a_pod_that_ends_answers_until_nobody_asks_it_any_more(
    site: Site, home: str, bucket: str
) -> None:
    """The hook before its end keeps the server up while the gateway turns away."""
    name = deploy(site, home, service("leaving", bucket, "sklearn"))
    (pod,) = pods(site, home, name)
    (container,) = pod["spec"]["containers"]
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    url = f"http://{pod['status']['podIP']}:8080/v1/models/{name}:predict"
    api = site.cluster.api
    api.request("DELETE", api.path("pods", pod["metadata"]["name"], home))
    asked_to_end = time.monotonic()
    with httpx.Client(trust_env=False, timeout=10) as client:
        answered = asked_to_end
        while time.monotonic() < asked_to_end + SECONDS:
            try:
                client.post(url, json=FLOWER).raise_for_status()
            except httpx.HTTPError:
                break
            answered = time.monotonic()
            time.sleep(0.1)
    assert pause - 1 < answered - asked_to_end < SECONDS


def test_describe_shows_why_a_model_cannot_be_fetched(
    site: Site, home: str, bucket: str
) -> None:
    document = service("unfound", bucket, "sklearn-none")
    site.cluster.api.apply(document, home)
    services.fails(site.cluster.api, "unfound", home, SECONDS)
    shown = said(site, home, "describe", "unfound")
    assert "StorageNotFound" in shown
    assert "storage-initializer" in shown
    # Also between two runs, when only the one that ended has a log.
    assert "storage-initializer]" in said(site, home, "logs", "unfound")
