"""Canaries, promotions and their ways back, step by step."""

from __future__ import annotations

from inferry_controller.observing.facts import History
from inferry_controller.reconciling.rollouts import (
    Running,
    Variant,
)
from rollout_cluster import settled, shares, slots


def test_a_canary_gets_no_traffic_before_it_is_ready() -> None:
    """And what it gets then is its share."""
    cluster = settled()

    first = cluster.edit("b", 20)
    cluster.pods()
    second = cluster.step()

    assert shares(first) == {"a": 100}
    assert slots(first) == {"a": "", "b": "@b"}
    assert shares(second) == {"a": 80, "b": 20}
    assert [seat.revision for seat in second.seats if seat.main] == ["a"]


def test_a_broken_canary_never_gets_traffic() -> None:
    """Whatever share it was promised."""
    cluster = settled()
    cluster.broken = {"b"}
    cluster.edit("b", 50)

    assert shares(cluster.settle()) == {"a": 100}

    cluster.edit("b", None)

    assert shares(cluster.settle()) == {"a": 100}


def test_a_canary_that_loses_a_pod_keeps_its_share() -> None:
    """Only what answers no more loses it."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()
    cluster.running["@b"] = Running(slot="@b", revision="b", available=True)

    assert shares(cluster.step()) == {"a": 80, "b": 20}

    cluster.running["@b"] = Running(slot="@b", revision="b")

    assert shares(cluster.step()) == {"a": 100}


def test_promoting_a_canary_restarts_nothing() -> None:
    """The traffic moves to where it runs; the old one drains, and then rests."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()

    first = cluster.edit("b")
    second = cluster.step()
    cluster.drain(second)
    third = cluster.step()

    assert shares(first) == {"b": 100}
    assert slots(first) == {"a": "", "b": "@b"}
    assert ("",) == first.draining == second.draining
    assert [s.kept for s in second.seats if s.revision == "a"] == [False]
    assert [s.kept for s in third.seats if s.revision == "a"] == [True]
    assert History(created="b", ready="b", rolled="b", previous="a") == third.history
    assert [seat.revision for seat in third.seats if seat.main] == ["b"]


def test_a_canary_promoted_before_it_is_ready_waits() -> None:
    """It gets everything in one step, once all its pods answer."""
    cluster = settled()
    cluster.edit("b", 20)

    first = cluster.edit("b")
    cluster.pods()
    second = cluster.step()

    assert shares(first) == {"a": 100}
    assert shares(second) == {"b": 100}


def test_zero_after_a_promotion_goes_back_to_the_previous_one() -> None:
    """Which has to come to life first."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()
    cluster.edit("b")
    cluster.settle()

    first = cluster.edit("b", 0)
    cluster.pods()
    second = cluster.step()

    assert shares(first) == {"b": 100}
    assert shares(second) == {"a": 100}
    assert [seat.revision for seat in second.seats if seat.main] == ["a"]
    assert second.history.rolled == "b"


def test_zero_during_a_canary_leaves_everything_to_the_rolled_out_one() -> None:
    """The canary goes on running: a dark launch."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()

    made = cluster.edit("b", 0)

    assert shares(made) == {"a": 100}
    assert slots(made) == {"a": "", "b": "@b"}


def test_a_canary_that_is_edited_begins_anew() -> None:
    """Its first version goes; what was rolled out serves meanwhile."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()

    first = cluster.edit("c", 20)
    last = cluster.settle()

    assert shares(first) == {"a": 100}
    assert shares(last) == {"a": 80, "c": 20}
    assert slots(last) == {"a": "", "c": "@c"}


def test_the_old_spec_ends_a_canary() -> None:
    """The newest is the rolled out one again."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()

    made = cluster.edit("a", None)

    assert shares(made) == {"a": 100}
    assert slots(made) == {"a": ""}


def test_a_plain_edit_after_a_promotion_leads_back_to_kserves_names() -> None:
    """It is made beside the one that serves, and takes over when it is ready."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()
    cluster.edit("b")
    cluster.settle()

    first = cluster.edit("c")
    last = cluster.settle()

    assert shares(first) == {"b": 100}
    assert slots(first) == {"b": "@b", "c": ""}
    assert shares(last) == {"c": 100}
    assert last.history.previous == "b"
    assert [s.kept for s in last.seats if s.revision == "b"] == [True]


def test_going_back_after_a_promotion_uses_what_was_kept() -> None:
    """The spec of before is the revision of before, in its own slot."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()
    cluster.edit("b")
    cluster.settle()

    first = cluster.edit("a")
    last = cluster.settle()

    assert shares(first) == {"b": 100}
    assert shares(last) == {"a": 100}
    assert slots(last) == {"a": "", "b": "@b"}
    assert last.history.previous == "b"


def test_a_share_that_comes_while_an_edit_is_on_its_way_gives_the_place_back() -> None:
    """The rolled out revision was overwritten: it returns, the newest moves out."""
    cluster = settled()
    cluster.broken = {"b"}
    cluster.edit("b")
    cluster.settle()

    made = cluster.edit("b", 30)

    assert slots(made) == {"a": "", "b": "@b"}
    assert shares(made) == {"a": 100}


def test_named_canaries_take_their_shares_from_the_stable_one() -> None:
    """Each as soon as it is ready, and not before."""
    cluster = settled()
    cluster.variants = (
        Variant(name="blue", revision="x", percent=10),
        Variant(name="green", revision="y", percent=20),
    )
    cluster.broken = {"y"}

    first = cluster.step()
    last = cluster.settle()

    assert shares(first) == {"a": 100}
    assert shares(last) == {"a": 90, "x": 10}
    assert slots(last) == {"a": "", "x": "blue", "y": "green"}


def test_canaries_take_over_where_the_stable_one_answers_no_more() -> None:
    """A revision that is not ready gets no traffic, and somebody has to."""
    cluster = settled()
    cluster.variants = (
        Variant(name="blue", revision="x", percent=10),
        Variant(name="green", revision="y", percent=20),
    )
    cluster.settle()
    cluster.running[""] = Running(slot="", revision="a")

    made = cluster.step()

    assert shares(made) == {"x": 34, "y": 66}


def test_a_canary_goes_on_after_a_stop() -> None:
    """The rolled out one comes back at its place, the canary at its own."""
    cluster = settled()
    cluster.edit("b", 20)
    cluster.settle()
    cluster.stop()

    first = cluster.step()
    last = cluster.settle()

    assert slots(first) == {"a": "", "b": "@b"}
    assert shares(first) == {"a": 100}
    assert shares(last) == {"a": 80, "b": 20}
