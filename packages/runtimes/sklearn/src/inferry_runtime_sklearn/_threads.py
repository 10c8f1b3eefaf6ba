"""Keep one inference to its threads.

OpenMP counts threads per calling thread, so the limit is set in each thread that
predicts, once.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import threadpoolctl


class ThreadLimit:
    """At most ``count`` threads for the native libraries below scikit-learn."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._limited = threading.local()

    def apply(self) -> None:
        """Limit the calling thread, if it is not limited yet."""
        if not getattr(self._limited, "done", False):
            threadpoolctl.threadpool_limits(limits=self._count)
            self._limited.done = True


def limit_jobs(model: Any, count: int) -> None:  # noqa: ANN401 - any estimator
    """Set ``n_jobs`` of *model* and of the estimators within it."""
    with contextlib.suppress(AttributeError, TypeError, ValueError):
        jobs = [
            name
            for name, value in model.get_params(deep=True).items()
            if name.rpartition("__")[2] == "n_jobs" and value not in {None, count}
        ]
        if jobs:
            model.set_params(**dict.fromkeys(jobs, count))
