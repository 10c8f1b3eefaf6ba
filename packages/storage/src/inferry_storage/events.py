"""What a fetch tells programs: one JSON object per line.

Nothing here needs more than the standard library's JSON, for the init container.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

if TYPE_CHECKING:
    from inferry.errors import StorageError
    from inferry_storage.fetching.caching import Fetched
    from inferry_storage.progress import Progress

#: A log need not hold more of a download than this, in seconds.
_EVERY = 5.0


class Events:
    """One JSON object per line: each new phase, and every few seconds in between."""

    def __init__(self, stream: TextIO, *, every: float = _EVERY) -> None:
        self._stream = stream
        self._every = every
        self._phase = ""
        self._told = float("-inf")

    def progress(self, progress: Progress) -> None:
        """Tell *progress*, if it is time."""
        now = time.monotonic()
        if progress.phase == self._phase and now - self._told < self._every:
            return
        self._phase, self._told = progress.phase, now
        told = msgspec.to_builtins(progress)
        told["rate_bytes"] = int(told["rate_bytes"])
        self.write("progress", told)

    def done(self, fetched: Fetched) -> None:
        """Tell that a model is complete."""
        self.write("done", result(fetched))

    def failed(self, error: StorageError) -> None:
        """Tell why there is no model."""
        self.write("error", failure(error))

    def write(self, event: str, told: dict[str, Any]) -> None:
        """Write one line."""
        self._stream.write(json.dumps({"event": event, **told}) + "\n")
        self._stream.flush()


def result(fetched: Fetched) -> dict[str, Any]:
    """Return what there is to know of a fetch, for JSON."""
    told: dict[str, Any] = msgspec.structs.asdict(fetched)
    return {**told, "path": str(fetched.path)}


def failure(error: StorageError) -> dict[str, Any]:
    """Return what there is to know of *error*, for JSON."""
    return {
        "kind": type(error).__name__,
        "reason": str(error.reason),
        "message": error.message,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }
