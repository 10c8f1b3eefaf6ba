"""Rollouts, step by step, on a cluster that consists of what was decided before."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from inferry_controller.observing.facts import History
from inferry_controller.reconciling.rollouts import (
    Decision,
    Running,
    Situation,
    Variant,
    decide,
    first_rolled,
)

BROKEN = "broken"


@dataclass
class Cluster:
    """Does what a decision says at once; pods come with `pods`, and drain with `drain`.

    A revision whose name begins with ``broken`` never gets ready.
    """

    newest: str = "a"
    share: int | None = None
    history: History = field(default_factory=History)
    running: dict[str, Running] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    saved: set[str] = field(default_factory=set)
    idle: set[str] = field(default_factory=set)
    variants: tuple[Variant, ...] = ()
    broken: set[str] = field(default_factory=set)

    def step(self) -> Decision:
        """Decide once, and make it so, but for the pods."""
        made = decide(
            Situation(
                newest=self.newest,
                share=self.share,
                history=self.history,
                running=self.running,
                weights=self.weights,
                drained=frozenset(self.idle),
                known=frozenset(self.saved),
                variants=self.variants,
            )
        )
        needed = {self.history.rolled, self.history.previous, made.history.previous}
        seated = {seat.slot: seat for seat in made.seats}
        for slot, there in self.running.items():
            seat = seated.get(slot)
            if there.revision in needed and (
                seat is None or seat.revision != there.revision
            ):
                self.saved.add(there.revision)
        found = {}
        for slot, seat in seated.items():
            there = self.running.get(slot)
            if seat.kept:
                found[slot] = Running(slot=slot, revision=seat.revision, complete=True)
            elif there is None:
                found[slot] = Running(slot=slot, revision=seat.revision)
            elif there.revision != seat.revision:
                found[slot] = Running(
                    slot=slot, revision=seat.revision, available=there.available
                )
            else:
                found[slot] = Running(
                    slot=slot,
                    revision=seat.revision,
                    available=there.available,
                    complete=there.complete and there.available,
                )
        self.running, self.weights, self.history = found, made.weights, made.history
        self.idle &= set(made.draining)
        return made

    def pods(self) -> None:
        """Let every pod that can get ready."""
        for slot, there in self.running.items():
            kept = there.complete and not there.available
            works = there.revision not in self.broken
            if works and not (
                kept and not self.weights.get(slot) and self.at_rest(slot)
            ):
                self.running[slot] = Running(
                    slot=slot, revision=there.revision, available=True, complete=True
                )

    def at_rest(self, slot: str) -> bool:
        """Say whether *slot* was decided to have no pods."""
        return slot in self.kept

    @property
    def kept(self) -> set[str]:
        """The slots without pods."""
        made = self.last
        return {seat.slot for seat in made.seats if seat.kept}

    @property
    def last(self) -> Decision:
        """What would be decided now, without doing it."""
        return decide(
            Situation(
                newest=self.newest,
                share=self.share,
                history=self.history,
                running=self.running,
                weights=self.weights,
                drained=frozenset(self.idle),
                known=frozenset(self.saved),
                variants=self.variants,
            )
        )

    def drain(self, made: Decision) -> None:
        """Let the time pass that draining takes."""
        self.idle |= set(made.draining)

    def settle(self) -> Decision:
        """Go on until nothing changes any more."""
        before = None
        for _ in range(20):
            made = self.step()
            self.pods()
            self.drain(made)
            if made == before and not made.draining:
                return made
            before = made
        raise AssertionError(f"never settles: {before}")

    def stop(self) -> None:
        """Take away all that runs, as a stopped service has nothing; specs are kept."""
        needed = {self.history.rolled, self.history.previous}
        self.saved |= needed & {each.revision for each in self.running.values()}
        self.running, self.weights, self.idle = {}, {}, set()

    def lose(self, slot: str) -> None:
        """Lose the Deployment of a slot, which somebody has deleted."""
        self.running.pop(slot, None)

    def edit(self, newest: str, share: int | None = None) -> Decision:
        """Edit the service, and do the first step."""
        self.newest, self.share = newest, share
        return self.step()


def settled(newest: str = "a") -> Cluster:
    """Return a cluster where *newest* serves."""
    cluster = Cluster(newest=newest)
    cluster.settle()
    return cluster


def shares(made: Decision) -> dict[str, int]:
    """Return the share of each revision that has one."""
    return {seat.revision: seat.weight for seat in made.seats if seat.weight}


def slots(made: Decision) -> dict[str, str]:
    """Return the slot of each revision."""
    return {seat.revision: seat.slot for seat in made.seats}


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
