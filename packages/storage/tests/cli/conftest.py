"""The command `inferry` with a home of the test, and the shelf among its plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shelf


class Command:
    """`inferry storage` in this process, or `module` in one of its own."""

    def __init__(self, home: Path, plugin: Path) -> None:
        self.cache = home / "cache"
        self.environ = {
            "INFERRY_STORAGE__CACHE_DIR": str(self.cache),
            "HOME": str(home),
            "NO_COLOR": "1",
        }
        self.plugin = plugin
        self.home = home

    def __call__(self, *arguments: str) -> Result:
        from inferry.cli import main

        return CliRunner().invoke(main, ["storage", *arguments])

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start ``python -m ARGUMENTS``."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.plugin),
                **self.environ,
                **more,
            },
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        """Run ``python -m ARGUMENTS``; return exit code, stdout and stderr."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture
def command(
    tmp_path: Path,
    shelf: Shelf,
    shelf_plugin: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    home = tmp_path / "home"
    home.mkdir()
    found = Command(home, shelf_plugin)
    for name, value in found.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    return found


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "dest"
