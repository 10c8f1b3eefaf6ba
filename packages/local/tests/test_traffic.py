"""Shares of revisions: which get traffic, and how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.planning import RevisionPlan, ServingPlan
from inferry_local.traffic import rolled_out, shares


def plan(*revisions: tuple[str, int | None], **facts: object) -> ServingPlan:
    base = {"namespace": "default", "name": "s", "host": "s.example.com", "path": "/s"}
    return ServingPlan(
        **base,
        revisions=tuple(
            RevisionPlan(name=name, components=(), percent=percent)
            for name, percent in revisions
        ),
        **facts,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("serving_plan", "previous", "expected"),
    [
        (plan(("new", None)), "old", {"new": 100}),
        (plan(("new", 20), canary_percent=20), "old", {"new": 20, "old": 80}),
        (plan(("new", 0), canary_percent=0), "old", {"old": 100}),
        (plan(("new", 20), canary_percent=20), "", {"new": 100}),
        (plan(("new", 20), canary_percent=20), "new", {"new": 100}),
        (plan(("a", None), ("b", 10), ("c", 30)), "", {"a": 60, "b": 10, "c": 30}),
        (plan(("a", 25), ("b", None)), "", {"a": 25, "b": 75}),
        (plan(("a", None), stopped=True), "a", {}),
    ],
)
def test_the_plan_says_who_gets_which_share(
    serving_plan: ServingPlan, previous: str, expected: dict[str, int]
) -> None:
    assert expected == shares(serving_plan, previous)


@given(st.lists(st.integers(0, 30), max_size=3))
def test_shares_of_a_running_service_add_up_to_all(canaries: list[int]) -> None:
    named = [(f"c{index}", share) for index, share in enumerate(canaries)]
    assert sum(shares(plan(("stable", None), *named)).values()) == 100


def test_a_canary_is_not_rolled_out_until_it_gets_everything() -> None:
    assert rolled_out(plan(("new", 20), canary_percent=20), "old") == "old"
    assert rolled_out(plan(("new", None)), "old") == "new"
