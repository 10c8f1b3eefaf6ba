from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from inferry_controller.kube.backoff import pause


def test_each_failure_doubles_the_pause_up_to_the_longest() -> None:
    pauses = [pause(n, first=0.005, longest=1.0) for n in range(12)]
    assert pauses[:4] == [0.0, 0.005, 0.01, 0.02]
    assert pauses[-1] == 1.0


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_stays_in_its_bounds(failures: int, jitter: float) -> None:
    made = pause(failures, first=0.005, longest=300.0, jitter=jitter)
    assert 0.005 <= made <= 300.0 * (1 + jitter)
