"""How far a fetch is: one stream of events, ten per second at most."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

import msgspec

from inferry.storage import shown_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_INTERVAL = 0.1
#: The rate is that of the last seconds.
_WINDOW = 5.0

Phase = Literal[
    "resolving",
    "planning",
    "waiting",
    "fetching",
    "verifying",
    "unpacking",
    "publishing",
]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of a fetch; ``total_bytes`` is None where the server does not say.

    ``uri`` is without user name, password and query, and may be shown. ``done_bytes``
    counts what an earlier run has left too; ``rate_bytes`` is per second and counts
    what arrives now.
    """

    uri: str
    done_bytes: int = 0
    total_bytes: int | None = None
    files_done: int = 0
    files_total: int = 0
    phase: Phase = "fetching"
    rate_bytes: float = 0.0
    retries: int = 0


class Reporter:
    """Counts what has arrived and tells it on; any thread may count.

    ``tell`` is called where the counting is done: what counts in a thread does so by
    `count`, which tells nothing. ``fetched`` is what came over the network in all.
    """

    def __init__(
        self,
        uri: str,
        sizes: Iterable[int | None] = (),
        tell: Callable[[Progress], None] | None = None,
    ) -> None:
        self._uri = shown_uri(uri)
        self._tell = tell
        self._told = float("-inf")
        self._phase: Phase = "fetching"
        self._lock = threading.Lock()
        self.fetched = 0
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self.done_bytes = 0
        self.files_done = 0
        self.retries = 0
        self.expect(sizes)

    def expect(self, sizes: Iterable[int | None]) -> None:
        """Begin again with the files of these sizes to come."""
        known = list(sizes)
        self._files_total = len(known)
        unknown = not known or None in known
        self._total = None if unknown else sum(size or 0 for size in known)
        self.done_bytes = self.files_done = 0

    def enter(self, phase: Phase) -> None:
        """Say what is done from now on."""
        if phase == "fetching" != self._phase:
            # What came before, such as a listing, took time and brought no bytes.
            self._seen = deque([(time.monotonic(), self.fetched)])
        self._phase = phase
        self.report()

    def arrived(self, count: int) -> None:
        """Count *count* bytes; a negative number takes back what was thrown away."""
        self.count(count)
        self._report_soon()

    def found(self, count: int) -> None:
        """Count bytes that were on this machine already."""
        with self._lock:
            self.done_bytes += count
        self._report_soon()

    def count(self, count: int) -> None:
        """Count *count* bytes, and leave it to others to tell."""
        with self._lock:
            self.done_bytes += count
            self.fetched += max(0, count)

    def file_done(self, count: int = 1) -> None:
        """Count *count* files as complete."""
        self.files_done += count
        self._report_soon()

    def retried(self) -> None:
        """Count one more attempt at what had failed."""
        self.retries += 1

    def report(self) -> None:
        """Tell how far the fetch is, now."""
        self._told = time.monotonic()
        if self._tell is not None:
            self._tell(
                Progress(
                    uri=self._uri,
                    done_bytes=self.done_bytes,
                    total_bytes=self._total,
                    files_done=self.files_done,
                    files_total=self._files_total,
                    phase=self._phase,
                    rate_bytes=self._rate(self._told),
                    retries=self.retries,
                )
            )

    def _report_soon(self) -> None:
        if time.monotonic() - self._told >= _INTERVAL:
            self.report()

    def _rate(self, now: float) -> float:
        while len(self._seen) > 1 and now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        since, before = self._seen[0]
        self._seen.append((now, self.fetched))
        seconds = now - since
        return max(0, self.fetched - before) / seconds if seconds > 0 else 0.0
