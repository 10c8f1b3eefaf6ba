"""A cluster that consists of what was decided before."""

from __future__ import annotations

from dataclasses import dataclass, field

from inferry_controller.observing.facts import History
from inferry_controller.reconciling.rollouts import (
    Decision,
    Running,
    Situation,
    Variant,
    decide,
)


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
