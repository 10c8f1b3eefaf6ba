"""How a pod ends: the sum of its steps fits into what the kubelet grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as some
from inferry_controller.rendering.pods_ending import end_well, ending

if TYPE_CHECKING:
    from conftest import Bench


def test_a_request_has_its_timeout_after_the_pod_is_forgotten() -> None:
    end = ending(30, {}, (), ours=True)
    assert (end.pre_stop, end.delay, end.drain, end.grace) == (5, 5, 30, 50)


def test_without_a_timeout_it_is_that_of_a_route() -> None:
    assert ending(None, {}, (), ours=True).drain == 60


def test_another_server_is_let_go_only_when_nothing_comes_any_more() -> None:
    end = ending(None, {}, (), ours=False)
    assert (end.pre_stop, end.delay, end.grace) == (10, 0, 80)


def test_what_the_arguments_say_counts() -> None:
    end = ending(None, {}, ("--drain_timeout=100", "--drain_delay=1"), ours=True)
    assert (end.delay, end.drain) == (1, 100)
    assert ending(None, {}, ("--request_timeout=7.5",), ours=True).drain == 8
    assert ending(None, {}, ("--drain_timeout=soon",), ours=True).drain == 60


@given(
    timeout=some.none() | some.floats(0.1, 100_000),
    given_grace=some.none() | some.integers(0, 100_000),
    ours=some.booleans(),
)
def test_no_step_goes_beyond_the_grace(
    timeout: float | None, given_grace: int | None, *, ours: bool
) -> None:
    """Above a few seconds: less than that is no time to end in."""
    pod = {} if given_grace is None else {"terminationGracePeriodSeconds": given_grace}
    end = ending(timeout, pod, (), ours=ours)
    assert end.pre_stop <= end.grace
    if end.grace >= 4:
        assert end.pre_stop + end.delay + end.drain <= end.grace
    if given_grace is not None:
        assert end.grace == given_grace


def test_a_hook_of_ones_own_stays() -> None:
    own: dict[str, Any] = {"lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}
    end_well(own, ending(None, {}, (), ours=False))
    assert own["lifecycle"] == {"preStop": {"exec": {"command": ["true"]}}}


def test_a_start_hook_stays_beside_ours() -> None:
    started = {"postStart": {"exec": {"command": ["true"]}}}
    own: dict[str, Any] = {"lifecycle": started}
    end_well(own, ending(None, {}, (), ours=False))
    assert own["lifecycle"] == started | {"preStop": {"sleep": {"seconds": 10}}}


def test_a_pod_without_grace_has_no_hook() -> None:
    container: dict[str, Any] = {}
    end = ending(None, {"terminationGracePeriodSeconds": 0}, (), ours=True)
    end_well(container, end)
    assert container == {}


def test_the_server_drains_as_long_as_the_kubelet_waits(bench: Bench) -> None:
    spec = bench.model(more="terminationGracePeriodSeconds: 20\n").template["spec"]
    (container,) = spec["containers"]
    assert spec["terminationGracePeriodSeconds"] == 20
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert "--drain_delay=5" in container["args"]
    assert "--drain_timeout=5" in container["args"]
