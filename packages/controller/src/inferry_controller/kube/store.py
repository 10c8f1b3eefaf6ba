"""What is known of the objects of one kind, with indexes and subscriptions.

A store is filled by a reflector and read by everybody, without a call and without a
lock: all of it happens on one event loop.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

_log = logging.getLogger(__name__)

T = TypeVar("T")
#: Namespace (empty where the kind has none) and name.
Key = tuple[str, str]


class Change(NamedTuple, Generic[T]):
    """What happened to one object: new without ``before``, gone without ``after``.

    ``initial`` marks what a list brought, which nobody may have changed just now.
    """

    key: Key
    before: T | None
    after: T | None
    initial: bool = False


class Store(Generic[T]):
    """The last known state of each object, as it was projected.

    *indexes* name functions from an object to the values that it is found by. *same*
    says whether two states mean the same to everybody; nobody is told of such a change.
    """

    def __init__(
        self,
        *,
        indexes: Mapping[str, Callable[[T], Iterable[Hashable]]] | None = None,
        same: Callable[[T, T], bool] | None = None,
    ) -> None:
        self._objects: dict[Key, T] = {}
        self._values = dict(indexes or {})
        self._indexed: dict[str, dict[Hashable, dict[Key, None]]] = {
            name: {} for name in self._values
        }
        self._same = same
        self._listeners: list[Callable[[Change[T]], None]] = []
        self._versions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, key: Key) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._objects.values()))

    def get(self, namespace: str, name: str) -> T | None:
        """Return one object, or None where it is not known."""
        return self._objects.get((namespace, name))

    def keys(self, namespace: str = "") -> list[Key]:
        """Return the keys of all objects, or of those in *namespace*."""
        return [key for key in self._objects if not namespace or key[0] == namespace]

    def by_index(self, index: str, value: Hashable) -> list[T]:
        """Return the objects that *index* has under *value*, oldest known first."""
        return [self._objects[key] for key in self._indexed[index].get(value, ())]

    def subscribe(self, listener: Callable[[Change[T]], None]) -> None:
        """Have *listener* called with every change from now on; it must not wait."""
        self._listeners.append(listener)

    # -- for reflectors

    def put(self, key: Key, after: T, *, initial: bool = False) -> None:
        """Keep *after* as the state of *key*, and tell who listens."""
        before = self._objects.get(key)
        self._objects[key] = after
        if self._values:
            self._index(key, before, after)
        if before is not None and self._equal(before, after):
            return
        self._tell(Change(key, before, after, initial))

    def remove(self, key: Key) -> None:
        """Forget *key*, and tell who listens; what is not there stays so."""
        before = self._objects.pop(key, None)
        if before is None:
            return
        if self._values:
            self._index(key, before, None)
        self._tell(Change(key, before, None))

    def progressed(self, version: str, namespace: str = "") -> None:
        """Note that everything up to *version* was seen, in *namespace* or in all."""
        if version.isdecimal():
            self._versions[namespace] = int(version)

    def reached(self, version: str, namespace: str = "") -> bool:
        """Whether what was written as *version* was seen, so that reads know of it.

        Versions of one kind grow (KEP-5504), and a watch tells them in their order.
        """
        seen = self._versions.get("", self._versions.get(namespace, 0))
        return not version.isdecimal() or seen >= int(version)

    def _equal(self, before: T, after: T) -> bool:
        return before == after if self._same is None else self._same(before, after)

    def _index(self, key: Key, before: T | None, after: T | None) -> None:
        for name, values_of in self._values.items():
            old = set() if before is None else set(values_of(before))
            new = set() if after is None else set(values_of(after))
            entries = self._indexed[name]
            for value in old - new:
                entry = entries[value]
                entry.pop(key, None)
                if not entry:
                    del entries[value]
            for value in new - old:
                entries.setdefault(value, {})[key] = None

    def _tell(self, change: Change[T]) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - the other listeners shall hear it
                _log.exception("a listener failed at a change of %s/%s", *change.key)
