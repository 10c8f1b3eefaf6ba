"""The init container behind a network that fails: right bytes, or one typed error."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from storage.blobs import Blob, differences
from storage.faults import Ask, Cuts, Fault

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from storage.conftest import Pod
    from storage.faults import FaultProxy
    from storage.origin import Origin

MEBI = 2**20
ONE = {"one.bin": Blob(24 * MEBI, seed=1)}
NEW = {"one.bin": Blob(24 * MEBI, seed=2)}
KEY = "models/one/one.bin"
URI = "models/one"
CORRUPT, UNREACHABLE, FULL = 6, 7, 8


@pytest.fixture(autouse=True)
def filled(origin: Origin) -> None:
    origin.blobs[KEY] = ONE["one.bin"]


def refused(done: subprocess.CompletedProcess[str], code: int, pattern: str) -> None:
    """Hold that *done* ended with *code*, and said why in one line."""
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    assert done.returncode == code, done.stderr
    assert re.search(pattern, last), done.stderr
    assert "Traceback" not in done.stderr


def first(times: int, fault: Fault) -> Callable[[Ask], Fault | None]:
    """Return a rule: so many requests for bytes meet *fault*, then none does."""
    met: list[Ask] = []

    def rule(ask: Ask) -> Fault | None:
        if not ask.body_of or len(met) >= times:
            return None
        met.append(ask)
        return fault

    return rule


def always(fault: Fault) -> Callable[[Ask], Fault | None]:
    return lambda ask: fault if ask.body_of else None


@pytest.mark.parametrize("seed", [3, 7, 8])
def test_with_60_percent_of_connections_cut_every_byte_is_right(
    before: Callable[..., FaultProxy], pod: Pod, seed: int
) -> None:
    cuts = Cuts(share=0.6, least=200_000, most=3 * MEBI, seed=seed)
    proxy = before(cuts=cuts)
    done = pod.pull(proxy, URI)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []
    assert proxy.cut > 0
    assert proxy.sent < 2 * ONE["one.bin"].size


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut=100_000),
        Fault(less=1),
        Fault(more=7),
        Fault(status=500),
        Fault(status=503),
        Fault(headers={"Content-Range": "bytes 0-99/25165824"}),
    ],
    ids=["cut", "short", "long", "500", "503", "other range"],
)
def test_a_fault_that_passes_costs_a_retry_and_no_byte(
    proxy: FaultProxy, pod: Pod, fault: Fault
) -> None:
    proxy.rule = first(2, fault)
    done = pod.pull(proxy, URI)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []


@pytest.mark.parametrize(
    "fault",
    [Fault(less=1), Fault(more=7), Fault(status=500)],
    ids=["short", "long", "500"],
)
def test_a_fault_that_stays_ends_the_fetch_and_publishes_nothing(
    proxy: FaultProxy, pod: Pod, fault: Fault
) -> None:
    proxy.rule = always(fault)
    refused(pod.pull(proxy, URI), UNREACHABLE, r"s3://models/one")
    assert not pod.model.exists()


def test_the_server_says_when_to_ask_again_and_is_not_asked_before(
    proxy: FaultProxy, pod: Pod
) -> None:
    asked: list[float] = []
    fault = Fault(status=429, headers={"Retry-After": "2"})

    def rule(ask: Ask) -> Fault | None:
        if not ask.body_of:
            return None
        asked.append(time.monotonic())
        return fault if len(asked) == 1 else None

    proxy.rule = rule
    done = pod.pull(proxy, URI, INFERRY_STORAGE__WORKERS="1")
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []
    assert 2 <= asked[1] - asked[0] < 10


@pytest.mark.parametrize(
    "fault", [Fault(stall=1000), Fault(drip=1.0)], ids=["silent", "byte a second"]
)
def test_a_server_that_stalls_is_given_up_within_the_limit(
    proxy: FaultProxy, pod: Pod, fault: Fault
) -> None:
    proxy.rule = always(fault)
    began = time.monotonic()
    done = pod.pull(proxy, URI, INFERRY_STORAGE__STALL_SECONDS="2")
    refused(done, UNREACHABLE, r"s3://models/one.*stall_seconds")
    assert time.monotonic() - began < 30
    assert not pod.model.exists()


def test_one_connection_that_stalls_is_left_for_another(
    proxy: FaultProxy, pod: Pod
) -> None:
    proxy.rule = first(1, Fault(stall=300_000))
    done = pod.pull(proxy, URI, INFERRY_STORAGE__STALL_SECONDS="1")
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []


def test_the_deadline_ends_a_fetch_that_moves_too_slowly(
    proxy: FaultProxy, pod: Pod
) -> None:
    proxy.rule = always(Fault(drip=0.001))
    began = time.monotonic()
    done = pod.pull(proxy, URI, INFERRY_STORAGE__DEADLINE_SECONDS="3")
    refused(done, UNREACHABLE, "deadline_seconds")
    assert time.monotonic() - began < 30
    assert not pod.model.exists()


def test_a_flipped_byte_is_seen_where_the_store_promises_a_digest(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    origin.single_part = True
    proxy.rule = always(Fault(flip=1_000_001))
    done = pod.pull(proxy, URI, INFERRY_STORAGE__REQUIRE="checksum")
    refused(done, CORRUPT, "one.bin")
    assert pod.left == set()


def test_a_byte_that_was_flipped_once_is_fetched_anew(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    origin.single_part = True
    proxy.rule = first(1, Fault(flip=1_000_001))
    done = pod.pull(
        proxy, URI, INFERRY_STORAGE__REQUIRE="checksum", INFERRY_STORAGE__WORKERS="1"
    )
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []


@pytest.mark.parametrize("validates", [True, False], ids=["If-Match", "no If-Match"])
def test_an_object_that_is_replaced_meanwhile_is_never_mixed(
    origin: Origin, proxy: FaultProxy, pod: Pod, *, validates: bool
) -> None:
    origin.validates = validates
    proxy.rule = first(2, Fault(cut=3 * MEBI))
    proxy.tell(MEBI, lambda: origin.blobs.update({KEY: NEW["one.bin"]}))
    done = pod.pull(proxy, URI, INFERRY_STORAGE__WORKERS="2")
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, NEW) == []


def test_an_object_that_is_replaced_again_and_again_is_unstable(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    seeds = iter(range(100, 10_000))

    def rule(ask: Ask) -> Fault | None:
        if ask.body_of:
            origin.blobs[KEY] = Blob(24 * MEBI, seed=next(seeds) % 16)
        return None

    proxy.rule = rule
    refused(pod.pull(proxy, URI), UNREACHABLE, r"s3://models/one.*(again|replaced)")
    assert not pod.model.exists()


def test_no_key_is_in_what_is_said_of_a_fault(proxy: FaultProxy, pod: Pod) -> None:
    proxy.rule = always(Fault(status=403))
    done = pod.pull(proxy, URI)
    assert done.returncode == 4, done.stderr
    assert "SECRETTEST" not in done.stdout + done.stderr
