"""Which revision runs where, and with what share: the state machine of a rollout.

Pure: `decide` looks at what runs and at what the service asks for, and says what should
be there now. It is asked again whenever something changes, so that each step of a
rollout (start the newest, wait until it is ready, shift the traffic, let the old one
drain, put it to rest) is one answer, and a controller that dies between two of them
goes on where it was.

The slot ``""`` has KServe's own names and takes any revision; a slot ``@REVISION``
holds that one for ever. So an edit changes the Deployment in place, a canary gets
objects of its own, and the plain edit after a promoted canary leads back to KServe's
names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from inferry_controller.observing.facts import History

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ALL = 100


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What the Deployments of one slot say.

    ``available`` is that a pod answers, of whichever revision; ``complete`` that all
    pods are those of ``revision`` and available, or that there need be none.
    """

    slot: str
    revision: str
    available: bool = False
    complete: bool = False


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A named canary; ``percent`` is what it should get once it is ready."""

    name: str
    revision: str
    percent: int = 0


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision rests on.

    ``share`` is what the newest revision may have, None for all. ``running`` and
    ``weights`` (what the route gives now) are by slot. ``drained`` are the slots that
    had no traffic for long enough. ``known`` are the revisions of which the ``spec`` is
    still to be had. ``to_zero`` says that the newest may have no pod at all.
    """

    newest: str
    share: int | None = None
    history: History = History()
    running: Mapping[str, Running] = {}
    weights: Mapping[str, int] = {}
    drained: Collection[str] = frozenset()
    known: Collection[str] = frozenset()
    variants: tuple[Variant, ...] = ()
    to_zero: bool = False


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """One revision, its slot, its weight; as `Placement`, before it is planned."""

    revision: str
    slot: str
    weight: int = 0
    main: bool = False
    kept: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Who sits where; ``draining`` are the slots that wait to be put to rest."""

    seats: tuple[Seat, ...]
    history: History
    draining: tuple[str, ...] = ()

    @property
    def weights(self) -> dict[str, int]:
        """The share of each slot."""
        return {seat.slot: seat.weight for seat in self.seats}

    @property
    def plain(self) -> bool:
        """Whether one revision has all the traffic, and nothing is on its way."""
        others = [seat for seat in self.seats if not seat.kept]
        rolled = self.history.created == self.history.rolled
        return rolled and len(others) == 1 and not self.draining


def decide(situation: Situation) -> Decision:
    """Say which revisions should run now, where, and with what share."""
    return _Deciding(situation).decision()


def first_rolled(history: History, serving: str) -> History:
    """Return *history* as it is once its first revision is *serving*.

    It has all the traffic from its first pod on, which its status tells before the
    Deployment does. From then on an edit must leave it as what one goes back to, also
    one that comes before anything else was noted.
    """
    if history.rolled or not serving or serving != history.created:
        return history
    return msgspec.structs.replace(history, ready=serving, rolled=serving)


class _Deciding:
    def __init__(self, situation: Situation) -> None:
        self._now = situation
        self._where = _by_revision(situation)

    def decision(self) -> Decision:
        seats, history = self._chain()
        seats = self._with_variants(seats)
        # Also what was the previous one until now: a pass must follow to take it away.
        past = {history.previous, self._now.history.previous} - {history.rolled}
        draining = tuple(
            seat.slot
            for seat in seats
            if not seat.weight and not seat.kept and seat.revision in past
        )
        return Decision(seats=seats, history=history, draining=draining)

    def _chain(self) -> tuple[tuple[Seat, ...], History]:
        """Seat the newest revision and the one before it."""
        now, history = self._now, self._now.history
        newest, rolled = now.newest, history.rolled
        older = history.previous if newest == rolled else rolled
        if not older or (older not in self._where and older not in now.known):
            return self._alone()
        if newest == rolled:
            return self._alone() if now.share is None else self._pair(older, now.share)
        if now.share is None and self._in_place(older):
            return self._alone()
        return self._pair(older, ALL if now.share is None else now.share)

    def _in_place(self, older: str) -> bool:
        """Say whether the newest takes the Deployment of the *older* one."""
        place = self._where.get(older)
        return (place is None or place == "") and self._where.get(
            self._now.newest, ""
        ) == ""

    def _alone(self) -> tuple[tuple[Seat, ...], History]:
        newest, history = self._now.newest, self._now.history
        slot = self._home(newest)
        seats = [Seat(revision=newest, slot=slot, weight=ALL, main=True)]
        resting = self._where.get(history.previous)
        if history.previous != newest and resting not in {None, slot}:
            seats.append(self._resting(history.previous, resting or ""))
        done = self._complete(newest, slot)
        return tuple(seats), self._history(done, rolled=newest if done else "")

    def _pair(self, older: str, share: int) -> tuple[tuple[Seat, ...], History]:
        newest = self._now.newest
        slot, old_slot = self._two_slots(older)
        ready, old_ready = self._serves(newest, slot), self._serves(older, old_slot)
        weight = share if ready else 0
        if ready and not old_ready:
            weight = ALL
        elif share == ALL and not self._complete(newest, slot):
            weight = self._now.weights.get(slot, 0) if ready else 0
        rolled = newest if share == ALL and weight == ALL else ""
        history = self._history(self._complete(newest, slot), rolled=rolled)
        old_weight = ALL - weight
        new_leads = weight == ALL or (history.rolled == newest and old_weight != ALL)
        seats = [
            Seat(revision=newest, slot=slot, weight=weight, main=new_leads),
            Seat(revision=older, slot=old_slot, weight=old_weight, main=not new_leads),
        ]
        if rolled:
            seats[1] = self._resting(older, old_slot)
        taken = {newest, older}
        last = self._where.get(history.previous)
        if history.previous not in taken and last not in {None, slot, old_slot}:
            seats.append(self._resting(history.previous, last or ""))
        return tuple(seats), history

    def _two_slots(self, older: str) -> tuple[str, str]:
        """Return the slots of the newest and of the older one."""
        newest, share = self._now.newest, self._now.share
        slot, old_slot = self._where.get(newest), self._where.get(older)
        if slot is None and old_slot is None:
            # Nothing of either runs, as after a stop: what was rolled out leads.
            first = newest == self._now.history.rolled
            return ("", f"@{older}") if first else (f"@{newest}", "")
        if old_slot is None:
            rolled_back = newest != self._now.history.rolled
            if rolled_back and slot == "":
                # The newest was on its way in place: the older one gets it back.
                return f"@{newest}", ""
            return (
                slot if slot is not None else self._home(newest),
                (f"@{older}" if slot == "" else ""),
            )
        if slot is None:
            free = old_slot != "" and share is None
            slot = "" if free else f"@{newest}"
        return slot, old_slot

    def _resting(self, revision: str, slot: str) -> Seat:
        """Seat what gets no traffic any more, at rest as soon as it has drained."""
        running = self._now.running.get(slot)
        at_rest = running is None or not running.available
        kept = slot in self._now.drained or (
            at_rest and not self._now.weights.get(slot, 0)
        )
        return Seat(revision=revision, slot=slot, kept=kept)

    def _home(self, revision: str) -> str:
        """Return the slot of *revision*, or the one that it should get."""
        history = self._now.history
        if revision in self._where:
            return self._where[revision]
        needed = {history.rolled, history.previous} - {revision}
        there = self._now.running.get("")
        if there is None or there.revision not in needed:
            return ""
        return "" if there.revision == history.rolled else f"@{revision}"

    def _complete(self, revision: str, slot: str) -> bool:
        running = self._now.running.get(slot)
        if running is None or running.revision != revision:
            return False
        at_zero = self._now.to_zero and revision == self._now.newest
        return running.complete and (running.available or at_zero)

    def _serves(self, revision: str, slot: str) -> bool:
        """Say whether *revision* may have traffic.

        One that has traffic keeps it while a pod of it answers; a new one has to be
        complete first, so that a share never lands on half of its pods.
        """
        running = self._now.running.get(slot)
        if running is None or running.revision != revision:
            return False
        had = self._now.weights.get(slot, 0) > 0
        if had and (running.available or running.complete):
            return True
        return self._complete(revision, slot)

    def _history(self, ready: bool, *, rolled: str) -> History:  # noqa: FBT001 - a fact
        before, newest = self._now.history, self._now.newest
        moved = bool(rolled) and rolled != before.rolled
        return History(
            created=newest,
            ready=newest if ready else before.ready,
            rolled=rolled or before.rolled,
            previous=before.rolled if moved else before.previous,
        )

    def _with_variants(self, seats: tuple[Seat, ...]) -> tuple[Seat, ...]:
        """Seat the named canaries; what they do not get is the stable one's."""
        if not self._now.variants:
            return seats
        shares = {each.name: self._share(each) for each in self._now.variants}
        given = sum(shares.values())
        first = seats[0]
        stable = self._now.running.get(first.slot)
        if given and (stable is None or not (stable.available or stable.complete)):
            # Only the canaries answer: what is meant for the stable one is theirs.
            shares = _filled(shares)
            given = ALL
        kept_back = max(ALL - given, 0)
        stable_seats = tuple(
            msgspec.structs.replace(seat, weight=kept_back) if seat.weight else seat
            for seat in seats
        )
        return stable_seats + tuple(
            Seat(revision=each.revision, slot=each.name, weight=shares[each.name])
            for each in self._now.variants
        )

    def _share(self, variant: Variant) -> int:
        running = self._now.running.get(variant.name)
        if running is None:
            return 0
        had = self._now.weights.get(variant.name, 0) > 0
        done = running.complete and running.available
        mine = running.revision == variant.revision
        serves = (done and mine) or (had and running.available)
        return variant.percent if serves else 0


def _by_revision(situation: Situation) -> dict[str, str]:
    """Return the slot of each revision that has one, named canaries left out."""
    names = {each.name for each in situation.variants}
    chain = [
        each
        for each in situation.running.values()
        if each.slot not in names and (not each.slot or each.slot.startswith("@"))
    ]
    # Where a revision has two, the one with traffic is meant, then its own.
    chain.sort(key=lambda each: (situation.weights.get(each.slot, 0), each.slot))
    return {each.revision: each.slot for each in chain}


def _filled(shares: dict[str, int]) -> dict[str, int]:
    """Scale *shares* to 100 in all."""
    total = sum(shares.values())
    scaled = {name: share * ALL // total for name, share in shares.items()}
    first = next(name for name, share in shares.items() if share)
    scaled[first] += ALL - sum(scaled.values())
    return scaled
