"""Weights, slots, rests and the queue, without sockets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferry_gateway import Endpoint, Service, Target
from inferry_gateway._answers import Refusal
from inferry_gateway._balancing import Balancer


class Asked:
    """A request that notes where it went."""

    def __init__(self, arrived: Any = 0.0) -> None:
        self.arrived = arrived
        self.replica = None
        self.failed = None

    def dispatch(self, replica: Any) -> None:
        self.replica = replica

    def fail(self, refusal: Any) -> None:
        self.failed = refusal


def endpoint(name: Any) -> Any:
    return Endpoint("127.0.0.1", 1000 + sum(map(ord, name)), name)


def target(revision: Any, weight: Any, *names: Any, slots: Any = 0) -> Any:
    return Target(revision, weight, tuple(map(endpoint, names)), slots)


def balancer(*targets: Any, max_waiting: Any = 10, unavailable: Any = "") -> Any:
    service = Service("n", "s", targets=targets, unavailable=unavailable)
    made = Balancer(service, max_waiting=max_waiting, retry_after=1)
    made.update(service, 0.0)
    return made


def update(made: Any, *targets: Any) -> None:
    made.update(Service("n", "s", targets=targets), 0.0)


def place(made: Any, now: Any = 0.0) -> Any:
    asked = Asked(now)
    made.place(asked, now)
    return asked


def done(made: Any, asked: Any, now: Any = 0.0) -> None:
    made.release(asked.replica, now)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any),
)
def test_shares_are_exact_over_a_round_and_within_a_percent_of_10000(
    weights: Any,
) -> None:
    made = balancer(*(target(str(i), w, f"e{i}") for i, w in enumerate(weights)))
    counts = Counter()
    for i in range(1, 10_001 if sum(weights) > 100 else sum(weights) * 3 + 1):
        asked = place(made)
        counts[int(asked.replica.revision.name)] += 1
        done(made, asked)
        if i % sum(weights) == 0:
            rounds = i // sum(weights)
            assert [counts[n] for n in range(len(weights))] == [
                w * rounds for w in weights
            ]
    total = sum(counts.values())
    for n, weight in enumerate(weights):
        assert abs(counts[n] / total - weight / sum(weights)) <= 0.01


def test_bursts_are_spread() -> None:
    made = balancer(target("a", 5, "x"), target("b", 1, "y"), target("c", 1, "z"))
    order = [place(made).replica.revision.name for _ in range(7)]
    assert "".join(order) == "aabacaa"


def test_the_least_busy_replica_is_chosen_and_ties_take_turns() -> None:
    made = balancer(target("a", 1, "x", "y", "z"))
    first = [place(made) for _ in range(6)]
    counts = Counter(a.replica.endpoint.id for a in first)
    assert counts == {"x": 2, "y": 2, "z": 2}
    for asked in first:
        if asked.replica.endpoint.id == "y":
            done(made, asked)
    assert {place(made).replica.endpoint.id for _ in range(2)} == {"y"}


def test_idle_replicas_take_turns() -> None:
    made = balancer(target("a", 1, "x", "y"))
    seen = []
    for _ in range(4):
        asked = place(made)
        seen.append(asked.replica.endpoint.id)
        done(made, asked)
    assert sorted(seen) == ["x", "x", "y", "y"]


def test_slots_are_never_exceeded_and_the_queue_is_first_come_first_served() -> None:
    made = balancer(target("a", 1, "x", "y", slots=1))
    asked = [place(made, float(i)) for i in range(5)]
    assert [a.replica is not None for a in asked] == [True, True, False, False, False]
    assert (made.in_flight, made.waiting) == (2, 3)
    done(made, asked[1])
    assert asked[2].replica.endpoint.id == asked[1].replica.endpoint.id
    assert asked[3].replica is None
    late = place(made)
    done(made, asked[0])
    assert asked[3].replica is not None
    assert late.replica is None


def test_the_queue_is_bounded() -> None:
    made = balancer(max_waiting=2)
    place(made)
    place(made)
    with pytest.raises(Refusal) as caught:
        place(made)
    assert (caught.value.status, caught.value.retry_after) == (503, 1)
    assert caught.value.message == (
        "service n/s has no free replica (2 requests wait already)"
    )


def test_the_words_of_the_service_are_used_for_its_503() -> None:
    made = balancer(max_waiting=0, unavailable="model iris is loading")
    with pytest.raises(Refusal, match=r"model iris is loading \(0 requests"):
        place(made)


def test_a_new_endpoint_wakes_all_who_wait_in_order() -> None:
    made = balancer()
    asked = [place(made, float(i)) for i in range(3)]
    update(made, target("a", 1, "x", slots=2))
    assert [a.replica is not None for a in asked] == [True, True, False]


def test_a_revision_without_endpoints_leaves_its_share_to_others() -> None:
    made = balancer(target("a", 90, "x"), target("b", 10))
    assert all(place(made).replica for _ in range(100))


def test_a_full_revision_keeps_its_share_rather_than_spill_over() -> None:
    made = balancer(target("a", 1, "x", slots=1), target("b", 1, "y"))
    asked = [place(made) for _ in range(4)]
    names = [a.replica.revision.name if a.replica else "waits" for a in asked]
    assert sorted(names) == ["a", "b", "b", "waits"]


def test_weight_zero_gets_nothing_even_if_alone() -> None:
    made = balancer(target("a", 0, "x"))
    assert place(made).replica is None
    assert made.waiting == 1


def test_a_withdrawn_request_is_forgotten() -> None:
    made = balancer(target("a", 1, "x", slots=1))
    place(made)
    asked = place(made)
    made.withdraw(asked)
    assert made.waiting == 0
    homeless = balancer()
    asked = place(homeless)
    homeless.withdraw(asked)
    assert homeless.waiting == 0


def test_a_replica_that_refuses_rests_longer_each_time() -> None:
    made = balancer(target("a", 1, "x"))
    (replica,) = made.replicas()
    rests = []
    for _ in range(7):
        replica.refused(100.0)
        rests.append(round(replica.rest_until - 100.0, 3))
    assert rests == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    replica.accepted()
    assert replica.rest_until == 0.0


def test_a_resting_replica_is_skipped_and_tried_again_later() -> None:
    made = balancer(target("a", 1, "x", "y"))
    first = place(made, 10.0)
    refused = first.replica
    refused.refused(10.0)
    done(made, first, 10.0)
    made.replace(first, 10.0)
    others = [place(made, 10.0) for _ in range(3)]
    assert refused not in {a.replica for a in [first, *others]}
    assert refused in {place(made, 10.2).replica for _ in range(2)}


def test_who_waits_for_a_resting_replica_is_served_when_it_wakes() -> None:
    made = balancer(target("a", 1, "x"))
    first = place(made, 10.0)
    replica = first.replica
    first.replica = None
    replica.refused(10.0)
    made.release(replica, 10.0)
    made.replace(first, 10.0)
    second = place(made, 10.05)
    made.serve_waiting(10.09)
    assert (first.replica, second.replica) == (None, None)
    made.serve_waiting(10.11)
    assert (first.replica, second.replica) == (replica, replica)


def test_an_update_keeps_replicas_that_stay() -> None:
    made = balancer(target("a", 1, "x", "y"))
    asked = place(made)
    kept = {r.endpoint.id: r for r in made.replicas()}
    update(made, target("a", 2, "y", "z"))
    now = {r.endpoint.id: r for r in made.replicas()}
    assert now["y"] is kept["y"]
    assert set(now) == {"y", "z"}
    assert kept["x"].removed
    done(made, asked)
    assert made.in_flight == 0


def test_an_endpoint_that_moves_to_another_port_is_another_replica() -> None:
    made = balancer(target("a", 1, "x"))
    (before,) = made.replicas()
    moved = Target("a", 1, (Endpoint("127.0.0.1", 9, "x"),))
    update(made, moved)
    (after,) = made.replicas()
    assert after is not before
    assert before.removed


def test_a_deleted_service_fails_who_waits() -> None:
    made = balancer()
    asked = place(made)
    made.retire()
    assert asked.failed.status == 503
    assert asked.failed.message == "service n/s has no free replica (it was deleted)"
    with pytest.raises(Refusal):
        made.replace(asked, 0.0)


def test_a_slot_freed_at_a_removed_replica_serves_nobody() -> None:
    made = balancer(target("a", 1, "x", slots=1))
    first = place(made)
    waiting = place(made)
    update(made, target("b", 1))
    done(made, first)
    assert waiting.replica is None
    assert made.waiting == 1


def test_where_no_replica_is_to_be_expected_nobody_waits() -> None:
    made = balancer()
    asked = place(made)
    failed = Service("n", "s", unavailable="the model is broken", hold=False)
    made.update(failed, 0.0)
    assert asked.failed.message == "the model is broken (it has no replica)"
    with pytest.raises(Refusal, match=r"the model is broken \(it has no replica\)"):
        place(made)
    made.update(Service("n", "s", targets=(target("a", 1, "x", slots=1),)), 0.0)
    assert place(made).replica is not None
    assert place(made).replica is None


def test_a_question_after_health_passes_the_queue_and_needs_no_slot() -> None:
    made = balancer(target("1", 100, "a", slots=1))
    working, waiting = place(made), place(made)
    asked = Asked()
    assert made.place(asked, 0.0, beside=True)
    assert asked.replica is working.replica
    done(made, asked)
    assert waiting.replica is None
    done(made, working)
    assert waiting.replica is not None
