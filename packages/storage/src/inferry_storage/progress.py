"""How far a download is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERVAL = 0.1


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of a download; ``total_bytes`` is None where the server does not say.

    ``uri`` is without user name, password and query, and may be shown.
    """

    uri: str
    done_bytes: int = 0
    total_bytes: int | None = None
    files_done: int = 0
    files_total: int = 0


class Reporter:
    """Counts what has arrived and tells it on, ten times a second at most."""

    def __init__(
        self,
        uri: str,
        sizes: list[int | None],
        tell: Callable[[Progress], None] | None,
    ) -> None:
        self._uri = uri
        self._total = sum(s for s in sizes if s is not None)
        self._known = None not in sizes
        self._files_total = len(sizes)
        self._tell = tell
        self._told = float("-inf")
        self.done_bytes = 0
        self.files_done = 0

    def arrived(self, count: int) -> None:
        """Count *count* bytes; a negative number takes back what was thrown away."""
        self.done_bytes += count
        if time.monotonic() - self._told >= _INTERVAL:
            self.report()

    def file_done(self) -> None:
        """Count one file as complete."""
        self.files_done += 1
        self.report()

    def report(self) -> None:
        """Tell how far the download is, now."""
        self._told = time.monotonic()
        if self._tell is not None:
            self._tell(
                Progress(
                    uri=self._uri,
                    done_bytes=self.done_bytes,
                    total_bytes=self._total if self._known else None,
                    files_done=self.files_done,
                    files_total=self._files_total,
                )
            )
