"""The group: its commands are known without importing them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def test_help_lists_the_commands(command: Any) -> None:
    said = command("--help").stdout

    for name in ("pull", "ls", "stat", "verify", "whoami", "cache"):
        assert f"\n  {name} " in said


def test_a_command_that_is_not_there(command: Any) -> None:
    result = command("push")

    assert result.exit_code == 2
    assert "No such command 'push'" in result.stderr


def test_the_group_imports_no_engine() -> None:
    code = (
        "import sys, inferry_storage.cli;"
        "sys.exit(any(m in sys.modules for m in ('asyncio', 'httpx', 'rich')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
