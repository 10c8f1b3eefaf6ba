"""The folder of a session."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

from inferry_local import folder

if TYPE_CHECKING:
    from pathlib import Path


def test_only_the_user_can_enter_the_folder() -> None:
    made = folder.private_folder()
    try:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert f"-{os.getpid()}-" in made.name
    finally:
        folder.remove_folder(made)
    assert not made.exists()


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    prefix = f"inferry-local-{os.getuid()}-"
    left = tmp_path / f"{prefix}{ended.pid}-abc"
    mine = tmp_path / f"{prefix}{os.getpid()}-abc"
    other = tmp_path / "something-else"
    for each in (left, mine, other):
        each.mkdir()
    folder.remove_stale(tmp_path)
    assert not left.exists()
    assert mine.exists()
    assert other.exists()
