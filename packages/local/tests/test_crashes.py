"""Why a process ended, from what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_local.crashes import diagnose, memory_kills

if TYPE_CHECKING:
    from pathlib import Path


def test_the_fault_handler_names_the_signal(tmp_path: Path) -> None:
    log = tmp_path / "replica.log"
    log.write_text("loading\nFatal Python error: Bus error\n\nThread 0x01\n")
    failure = diagnose(None, log, kills_before=memory_kills(), crashes=2)
    assert failure.reason == "ReplicaCrashed"
    assert "Bus error" in failure.message


def test_a_kill_that_the_kernel_counted_is_for_want_of_memory() -> None:
    failure = diagnose(None, None, kills_before=memory_kills() - 1, crashes=2)
    assert failure.reason == "OutOfMemory"
    assert failure.what_to_do


def test_an_end_without_a_trace_is_told_as_that() -> None:
    failure = diagnose(None, None, kills_before=memory_kills(), crashes=2)
    assert failure.reason == "ReplicaCrashed"
    assert "without a trace" in failure.message


def test_counters_are_added_and_those_that_are_not_there_skipped(
    tmp_path: Path,
) -> None:
    (tmp_path / "one").write_text("pgpgin 5\noom_kill 2\n")
    (tmp_path / "two").write_text("oom 1\noom_kill 3\noom_group_kill 9\n")
    paths = tuple(tmp_path / name for name in ("one", "two", "none"))
    assert memory_kills(paths) == 5
