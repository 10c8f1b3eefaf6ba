"""One thread that does what it is asked, in order, and that nobody has to wait for."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class OneThread(Executor):
    """An executor whose thread does not keep the process from ending.

    `concurrent.futures.ThreadPoolExecutor` has the interpreter wait at exit for a call
    that never returns, such as one to a service that is gone.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._started = False

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Have the thread call *fn* after all that it was asked before."""
        future: Future[T] = Future()
        self._calls.put(lambda: _call(future, lambda: fn(*args, **kwargs)))
        if not self._started:
            self._started = True
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, **_options: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - the executor's signature
        """Let the thread end when it has done what it was asked."""
        self._calls.put(None)
        if wait and self._started:
            self._thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _call(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - who waits for the future raises it
        future.set_exception(error)
    else:
        future.set_result(result)
