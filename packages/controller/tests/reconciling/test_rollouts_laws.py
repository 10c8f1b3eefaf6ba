"""What holds of every rollout, whatever is edited, broken or lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rollout_cluster import settled, shares

_EDITS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from([None, 0, 10, 50, 100]),
        st.integers(0, 4),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(edits=_EDITS, broken=st.sets(st.sampled_from("bcd")))
def test_shares_are_whole_and_only_what_answers_has_one(
    edits: list[tuple[str, int | None, int]], broken: set[str]
) -> None:
    """Whatever is edited and however far each rollout comes."""
    cluster = settled()
    cluster.broken = broken
    for newest, share, steps in edits:
        made = cluster.edit(newest, None if share == 100 else share)
        for _ in range(steps):
            cluster.pods()
            cluster.drain(made)
            before = dict(cluster.running)
            made = cluster.step()
            assert sum(seat.weight for seat in made.seats) == 100
            assert sum(seat.main for seat in made.seats) == 1
            assert len({seat.slot for seat in made.seats}) == len(made.seats)
            for seat in made.seats:
                there = before.get(seat.slot)
                assert not seat.weight or (there is not None and there.available)
                assert not (seat.kept and seat.weight)


@settings(max_examples=300, deadline=None)
@given(edits=_EDITS, losses=st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_what_is_stopped_or_lost_comes_back(
    edits: list[tuple[str, int | None, int]], losses: list[int]
) -> None:
    """No two revisions ever get the same slot, and each service ends plain."""
    cluster = settled()
    for (newest, share, steps), loss in zip(edits, losses, strict=False):
        made = cluster.edit(newest, None if share == 100 else share)
        for _ in range(steps):
            cluster.pods()
            cluster.drain(made)
            made = cluster.step()
            assert len({seat.slot for seat in made.seats}) == len(made.seats)
            assert sum(seat.weight for seat in made.seats) == 100
        if loss == 1:
            cluster.stop()
        elif loss > 1 and cluster.running:
            cluster.lose(sorted(cluster.running)[loss % len(cluster.running)])
        made = cluster.step()
        assert len({seat.slot for seat in made.seats}) == len(made.seats)
    cluster.share = None

    made = cluster.settle()

    assert made.plain
    assert {cluster.newest: 100} == shares(made)


@settings(max_examples=200, deadline=None)
@given(edits=_EDITS)
def test_every_rollout_ends_plain_once_the_share_is_gone(
    edits: list[tuple[str, int | None, int]],
) -> None:
    """One revision with all the traffic, at most one more that rests."""
    cluster = settled()
    for newest, share, steps in edits:
        made = cluster.edit(newest, None if share == 100 else share)
        for _ in range(steps):
            cluster.pods()
            cluster.drain(made)
            made = cluster.step()
    cluster.share = None

    made = cluster.settle()

    assert made.plain
    assert {cluster.newest: 100} == shares(made)
    assert len(made.seats) <= 2
