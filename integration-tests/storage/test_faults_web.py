"""One file of a web server behind a network that fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from storage.blobs import Blob, differences
from storage.faults import Ask, Cuts, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.conftest import Pod
    from storage.faults import FaultProxy
    from storage.origin import Origin

MEBI = 2**20
PATH = "models/one.bin"
ONE = {"one.bin": Blob(24 * MEBI, seed=1)}
NEW = {"one.bin": Blob(24 * MEBI, seed=2)}
CORRUPT, UNREACHABLE = 6, 7


@pytest.fixture(autouse=True)
def filled(origin: Origin) -> None:
    origin.blobs[PATH] = ONE["one.bin"]


@pytest.mark.parametrize("seed", [3, 7])
def test_with_60_percent_of_connections_cut_every_byte_is_right(
    before: Callable[..., FaultProxy], pod: Pod, seed: int
) -> None:
    proxy = before(cuts=Cuts(share=0.6, least=200_000, most=3 * MEBI, seed=seed))
    done = pod.pull_file(proxy, PATH)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []
    assert proxy.cut > 0


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_when_to_ask_again_and_is_not_asked_before(
    proxy: FaultProxy, pod: Pod, status: int
) -> None:
    asked: list[float] = []

    def rule(ask: Ask) -> Fault | None:
        if not ask.body_of:
            return None
        asked.append(time.monotonic())
        fault = Fault(status=status, headers={"Retry-After": "2"})
        return fault if len(asked) == 1 else None

    proxy.rule = rule
    done = pod.pull_file(proxy, PATH, INFERRY_STORAGE__WORKERS="1")
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, ONE) == []
    assert 2 <= asked[1] - asked[0] < 10


def test_a_file_that_is_replaced_meanwhile_is_never_mixed(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    def rule(ask: Ask) -> Fault | None:
        return Fault(cut=2 * MEBI) if ask.body_of and ask.number < 3 else None

    proxy.rule = rule
    proxy.tell(MEBI, lambda: origin.blobs.update({PATH: NEW["one.bin"]}))
    done = pod.pull_file(proxy, PATH, INFERRY_STORAGE__WORKERS="2")
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, NEW) == []


def test_a_flipped_byte_is_seen_by_the_digest_of_the_uri(
    proxy: FaultProxy, pod: Pod
) -> None:
    proxy.rule = lambda ask: Fault(flip=5 * MEBI) if ask.body_of else None
    done = pod.pull_file(proxy, f"{PATH}#sha256={ONE['one.bin'].sha256}")
    assert done.returncode == CORRUPT, done.stderr
    assert "Traceback" not in done.stderr
    assert pod.left == set()


def test_a_server_that_falls_silent_is_given_up_within_the_limit(
    proxy: FaultProxy, pod: Pod
) -> None:
    proxy.rule = lambda ask: Fault(stall=1000) if ask.body_of else None
    began = time.monotonic()
    done = pod.pull_file(proxy, PATH, INFERRY_STORAGE__STALL_SECONDS="2")
    assert done.returncode == UNREACHABLE, done.stderr
    assert "stall_seconds" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 30
    assert not pod.model.exists()
