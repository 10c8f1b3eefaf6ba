"""How often to ask again for what has failed, and how long to wait before."""

from __future__ import annotations

import random
import time

from inferry.errors import StorageError
from inferry.status import Reason
from inferry.storage import Changed, Stalled

#: Less than this is no progress.
LEAST_PROGRESS = 16 * 1024
_ATTEMPTS = 6
#: A stall has cost its time already.
_STALLS = 2
_BACKOFF = 0.5
_LONGEST_BACKOFF = 20.0
#: As long as a store may make us wait where there is no deadline.
_LONGEST_WAIT = 300.0


class Patience:
    """The attempts at one part; those that brought bytes to keep do not count.

    ``until`` is the deadline by the clock of `time.monotonic`, None without one.
    """

    def __init__(self, until: float | None) -> None:
        self._until = until
        self._failures = self._stalls = 0

    def wait(self, error: StorageError, kept: int) -> float:
        """Return the seconds to wait before the next attempt, *kept* bytes further on.

        Raises:
            StorageError: *error* itself, where asking again is of no use.

        """
        if not is_transient(error):
            raise error
        if kept >= LEAST_PROGRESS:
            self._failures = self._stalls = 0
        self._failures += 1
        self._stalls += isinstance(error, Stalled)
        if self._failures >= _ATTEMPTS or self._stalls >= _STALLS:
            raise error
        seconds = self._seconds(getattr(error, "retry_after", None))
        if self._until is not None and time.monotonic() + seconds > self._until:
            raise error
        return seconds

    def _seconds(self, asked: float | None) -> float:
        longest = min(_LONGEST_BACKOFF, _BACKOFF * 2**self._failures)
        # Full jitter: clients that failed together do not come back together.
        jitter = random.uniform(0, longest)  # noqa: S311 - no secret hangs on it
        if asked is None:
            return jitter
        wanted = asked + min(jitter, _BACKOFF)
        return wanted if self._until is not None else min(wanted, _LONGEST_WAIT)


def is_transient(error: StorageError) -> bool:
    """Say whether asking again may help."""
    if isinstance(error, Changed):
        return False
    # A third party may raise the root itself, with the reason alone.
    is_root = type(error) is StorageError
    return error.transient or (is_root and error.reason == Reason.StorageUnreachable)
