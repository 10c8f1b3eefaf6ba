"""`Children`: the facts of what belongs to each service, with our own writes in them.

What an API server answered to a write is true before the watch tells it. Until the
watch has caught up, the answer stands in for it, so that no pass acts on what it has
changed itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from inferry_controller.reconciling.kinds import CHILDREN

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_controller.observing.facts import Fact

#: Kind and name of a child; a Knative Service is a `KNATIVE`.
ChildKey = tuple[str, str]
#: Seconds after which a write that no watch told of is taken to be undone.
_PATIENCE = 30.0


class Children:
    """Facts by the key of their service, then by kind and name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, dict[ChildKey, Fact]] = {}
        self._assumed: dict[str, dict[ChildKey, tuple[Fact, float]]] = {}
        #: By the services at work: what was told meanwhile, until a write explains it.
        self._news: dict[str, set[tuple[ChildKey, str]]] = {}

    def begin(self, key: str) -> None:
        """Mind from now on what others do to the children of a service."""
        self._news[key] = set()

    def disturbed(self, key: str) -> bool:
        """Say whether others did anything since `begin`, and mind it no more.

        A pass that was under way may have looked at the child before they did.
        """
        return bool(self._news.pop(key, None))

    def change(self, old: Fact | None, new: Fact | None) -> str:
        """Take what a watch tells; return the service that has to look at it.

        It is empty where nothing changed that anybody looks at.
        """
        fact = new or old
        if fact is None or not fact.service:
            return ""
        key = f"{fact.namespace}/{fact.service}"
        mine = self._told.setdefault(key, {})
        child = (fact.kind, fact.name)
        if new is None:
            mine.pop(child, None)
            if not mine:
                del self._told[key]
            self._drop(key, child)
            self._note(key, fact, "")
            return key
        before = mine.get(child)
        mine[child] = new
        known = self._known(key, child)
        if known is not None and _older(new, known):
            return ""
        if known is not None:
            self._drop(key, child)
            before = known
        if before is not None and _same(before, new):
            return ""
        self._note(key, new, new.version)
        return key

    def assume(self, fact: Fact) -> None:
        """Take the answer to a write of ours."""
        key = f"{fact.namespace}/{fact.service}"
        # A watch may be faster than the answer.
        self._news.get(key, set()).discard(((fact.kind, fact.name), fact.version))
        told = self._told.get(key, {}).get((fact.kind, fact.name))
        if told is None or _older(told, fact):
            until = self._clock() + _PATIENCE
            mine = self._assumed.setdefault(key, {})
            mine[fact.kind, fact.name] = (fact, until)

    def of(self, key: str) -> dict[ChildKey, Fact]:
        """Return all that is known of the children of a service."""
        told = self._told.get(key, {})
        assumed = self._assumed.get(key)
        if not assumed:
            return dict(told)
        now = self._clock()
        merged = dict(told)
        for child, (fact, until) in list(assumed.items()):
            if until < now:
                self._drop(key, child)
            elif child not in told or _older(told[child], fact):
                merged[child] = fact
        return merged

    def unconfirmed(self, key: str) -> float | None:
        """Return in how many seconds a write is taken to be undone; None without any.

        A list that follows a broken watch does not tell of what came and went between.
        """
        mine = self._assumed.get(key)
        if not mine:
            return None
        return max(min(until for _, until in mine.values()) - self._clock(), 0.0) + 0.1

    def holder(self, key: str, child: ChildKey) -> str:
        """Return the service beside *key*, of its namespace, that *child* belongs to.

        The name of a child begins with that of its service, so few have to be asked.
        """
        namespace = key.partition("/")[0]
        parts = child[1].split("-")
        for length in range(1, len(parts) + 1):
            other = f"{namespace}/{'-'.join(parts[:length])}"
            if other != key and (
                child in self._told.get(other, ())
                or child in self._assumed.get(other, ())
            ):
                return other
        return ""

    def forget(self, key: str) -> None:
        """Forget what was assumed of a service that is gone."""
        self._assumed.pop(key, None)
        self._news.pop(key, None)

    def _note(self, key: str, fact: Fact, version: str) -> None:
        mine = self._news.get(key)
        if mine is not None and fact.kind in CHILDREN:
            mine.add(((fact.kind, fact.name), version))

    def _known(self, key: str, child: ChildKey) -> Fact | None:
        found = self._assumed.get(key, {}).get(child)
        return found[0] if found else None

    def _drop(self, key: str, child: ChildKey) -> None:
        mine = self._assumed.get(key)
        if mine is not None:
            mine.pop(child, None)
            if not mine:
                del self._assumed[key]


def _older(fact: Fact, other: Fact) -> bool:
    """Say whether *fact* is older than *other*, another state of the same object."""
    return fact.uid == other.uid and number(fact.version) < number(other.version)


def _same(fact: Fact, other: Fact) -> bool:
    return msgspec.structs.replace(fact, version=other.version) == other


def number(version: str) -> int:
    """Return a resourceVersion as the number that it is since Kubernetes says so."""
    return int(version) if version.isdigit() else 0
