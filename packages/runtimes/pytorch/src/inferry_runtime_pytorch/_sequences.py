"""Keep the state of each sequence of requests apart from that of all others.

Some models remember: each call changes what the next one answers. Requests say with
``sequence_id``, ``sequence_start`` and ``sequence_end``, as Triton has them, which of
them belong together. A request without an id is a sequence of its own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


#: Seconds after which a sequence that nobody continued may make room for another.
IDLE = 60.0


class _Sequence:
    """One copy of the model, with its state."""

    __slots__ = ("call", "lock", "used")

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.lock = threading.Lock()
        self.used = time.monotonic()


class Sequences:
    """At most *limit* copies of a model that ``make`` makes."""

    def __init__(self, make: Callable[[], Callable[..., Any]], limit: int) -> None:
        self._make = make
        self._limit = limit
        self._known: OrderedDict[int | str, _Sequence] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    @contextmanager
    def of(self, parameters: Mapping[str, Any]) -> Iterator[Callable[..., Any]]:
        """Give the model with the state of the sequence that *parameters* name.

        Raises:
            InvalidInput: The sequence was not started, or is no longer known.
            Overloaded: There are too many sequences at once.

        """
        name = parameters.get("sequence_id")
        if name in (None, 0, ""):
            with self._lock:
                call = self._make()
            yield call
            return
        if not isinstance(name, (int, str)):
            raise InvalidInput("parameter 'sequence_id' must be a number or a text")
        found = self._find(name, start=parameters.get("sequence_start") is True)
        try:
            with found.lock:
                yield found.call
        finally:
            found.used = time.monotonic()
            if parameters.get("sequence_end") is True:
                self._forget(name, found)

    def clear(self) -> None:
        """Forget all sequences."""
        with self._lock:
            self._known.clear()

    def _find(self, name: int | str, *, start: bool) -> _Sequence:
        with self._lock:
            found = self._known.get(name)
            if start:
                self._known.pop(name, None)
                self._make_room()
                found = _Sequence(self._make())
                self._known[name] = found
            if found is None:
                raise InvalidInput(
                    f"sequence {name!r} is not known: send 'sequence_start' first "
                    f"(it was not started here, has ended, or was idle for {IDLE:.0f} "
                    "s)"
                )
            self._known.move_to_end(name)
            found.used = time.monotonic()
            return found

    def _make_room(self) -> None:
        if len(self._known) < self._limit:
            return
        oldest, sequence = next(iter(self._known.items()))
        if time.monotonic() - sequence.used < IDLE:
            raise Overloaded(
                f"the model keeps {self._limit} sequences, and none has been idle for "
                f"{IDLE:.0f} s; send 'sequence_end', or raise the option sequences"
            )
        del self._known[oldest]

    def _forget(self, name: int | str, sequence: _Sequence) -> None:
        with self._lock:
            if self._known.get(name) is sequence:
                del self._known[name]
