"""Edits, ways back and stops, step by step."""

from __future__ import annotations

from inferry_controller.observing.facts import History
from inferry_controller.reconciling.rollouts import (
    Running,
    Situation,
    decide,
    first_rolled,
)
from rollout_cluster import Cluster, settled, slots


def test_the_first_revision_gets_kserves_own_names_and_all_the_traffic() -> None:
    """Even with canaryTrafficPercent: there is nothing else yet."""
    cluster = Cluster(newest="a", share=10)

    made = cluster.settle()

    assert [(s.revision, s.slot, s.weight, s.main) for s in made.seats] == [
        ("a", "", 100, True)
    ]
    assert History(created="a", ready="a", rolled="a") == made.history


def test_a_plain_edit_happens_in_place() -> None:
    """The Deployment rolls; until it has, the revision before is the rolled out one."""
    cluster = settled()

    first = cluster.edit("b")
    last = cluster.settle()

    assert slots(first) == {"b": ""}
    assert first.history.rolled == "a"
    assert last.history.rolled == "b"
    assert last.history.previous == "a"
    assert {"a"} <= cluster.saved


def test_a_plain_edit_that_never_gets_ready_leaves_the_old_one_rolled_out() -> None:
    """Its old pods serve on: a rolling update takes none away before."""
    cluster = settled()
    cluster.broken = {"b"}
    cluster.edit("b")

    made = cluster.settle()

    assert made.history.rolled == "a"
    assert made.history.created == "b"


def test_a_spec_that_is_taken_back_is_rolled_out_as_before() -> None:
    """Reverting an edit that never got ready leaves no trace but time."""
    cluster = settled()
    cluster.broken = {"b"}
    cluster.edit("b")
    cluster.settle()

    cluster.edit("a")
    made = cluster.settle()

    assert slots(made) == {"a": ""}
    assert made.plain


def test_an_edit_after_a_way_back_lets_go_of_where_it_led() -> None:
    """As soon as the newest is rolled out; nobody else would bring the next step."""
    cluster = settled()
    cluster.edit("b")
    cluster.settle()
    cluster.edit("b", 0)
    cluster.settle()
    assert cluster.weights["@a"] == 100

    cluster.edit("c")
    cluster.pods()
    made = cluster.step()

    assert made.history.rolled == "c"
    assert made.draining == ("@a",)


def test_a_first_revision_that_serves_is_one_to_go_back_to() -> None:
    """Its pods answer before its Deployment says that all are there."""
    history = first_rolled(History(created="a"), "a")

    assert history == History(created="a", ready="a", rolled="a")
    edited = decide(
        Situation(
            newest="b",
            history=history,
            running={"": Running(slot="", revision="a", available=True)},
            weights={"": 100},
        )
    )
    assert edited.history.rolled == "a"


def test_only_the_first_revision_is_rolled_out_by_serving() -> None:
    """A later one is when all of its pods are there, and never while another serves."""
    rolled = History(created="b", ready="a", rolled="a")

    assert first_rolled(rolled, "b") == rolled
    assert first_rolled(History(created="b"), "a") == History(created="b")
    assert first_rolled(History(), "") == History()
