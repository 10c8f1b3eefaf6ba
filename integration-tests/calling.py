"""Somebody who calls a service all the time, while something happens to it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

#: No test here takes longer.
_SECONDS = 120


class Fault(Exception):
    """A call that was not answered well; its text says how."""


class Caller:
    """Calls *ask* in a thread and keeps every answer, and the text of each `Fault`."""

    def __init__(self, ask: Callable[[], Any], pause: float) -> None:
        self._call = ask
        self._pause = pause
        self.answers: list[Any] = []
        self.faults: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    def _ask(self) -> None:
        until = time.monotonic() + _SECONDS
        while not self._ended.is_set() and time.monotonic() < until:
            try:
                self.answers.append(self._call())
            except Fault as fault:
                self.faults.append(str(fault))
            time.sleep(self._pause)
