"""What models count of what they generate."""

from __future__ import annotations

from inferry.generation import BOUNDS, Durations, Generation


def test_durations_fall_into_the_bucket_whose_bound_they_do_not_exceed() -> None:
    durations = Durations()
    for seconds in (0.0, BOUNDS[0], 0.0011, 1e9):
        durations.add(seconds)
    assert durations.counts == [2, 1, *[0] * (len(BOUNDS) - 2), 1]
    assert durations.sum == BOUNDS[0] + 0.0011 + 1e9


def test_each_has_counts_of_its_own() -> None:
    first, second = Generation(), Generation()
    first.first_token.add(1)
    assert not any(second.first_token.counts + first.token.counts)
