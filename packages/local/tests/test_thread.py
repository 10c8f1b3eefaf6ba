"""A thread of one's own, which a call that never returns does not make immortal."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from inferry_local._thread import OneThread

STUCK = """
import threading
from inferry_local._thread import OneThread
OneThread("stuck").submit(threading.Event().wait)
"""


def test_calls_are_made_in_order_in_one_thread() -> None:
    one = OneThread("mine")
    made: list[int] = []
    futures = [one.submit(made.append, index) for index in range(10)]
    names = one.submit(lambda: threading.current_thread().name)
    one.shutdown()
    assert [future.result(0) for future in futures] == [None] * 10
    assert made == list(range(10))
    assert names.result(0) == "mine"


def test_what_a_call_raises_is_for_who_asked() -> None:
    one = OneThread("mine")
    failed = one.submit(int, "seven")
    with pytest.raises(ValueError, match="seven"):
        failed.result(5)
    assert one.submit(int, "7").result(5) == 7
    one.shutdown()


def test_a_call_that_never_returns_does_not_keep_the_process() -> None:
    subprocess.run([sys.executable, "-c", STUCK], timeout=20, check=True)
