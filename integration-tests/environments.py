"""Environments of their own for programs that cannot share ours."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from uv import find_uv_bin

#: Set it to keep environments between runs.
FOLDER = "INFERRY_TEST_ENVIRONMENTS"


@functools.cache
def environment(name: str, *requirements: str, dependencies: bool = True) -> Path:
    """Make the virtual environment *name* with *requirements*; return its folder.

    ``requirements`` are pinned by their callers. Fails the test, with what the
    installer said, where the index cannot be reached.
    """
    folder = _parent() / name
    stamp = folder / "installed"
    wanted = "\n".join(requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return folder
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    _uv(
        *("pip", "install", "--quiet", "--python", str(folder / "bin" / "python")),
        *(() if dependencies else ("--no-deps",)),
        *requirements,
    )
    stamp.write_text(wanted)
    return folder


@functools.cache
def node_modules(name: str, *packages: str) -> Path:
    """Install *packages* of npm, pinned, into a folder *name*; return where they are.

    Fails the test, with what the installer said, where the registry cannot be reached.
    """
    folder = _parent() / name
    stamp = folder / "installed"
    wanted = "\n".join(packages)
    if not (stamp.is_file() and stamp.read_text() == wanted):
        folder.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm")
        if npm is None:
            pytest.fail(f"npm is needed to install {wanted}: install Node.js")
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix")
        _run(npm, "install", *options, str(folder), *packages)
        stamp.write_text(wanted)
    return folder / "node_modules"


@functools.cache
def _parent() -> Path:
    kept = os.environ.get(FOLDER)
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        return Path(kept)
    made = tempfile.TemporaryDirectory(prefix="inferry-environments-")
    _MADE.append(made)
    return Path(made.name)


_MADE: list[tempfile.TemporaryDirectory[str]] = []


def _uv(*arguments: str) -> None:
    _run(find_uv_bin(), *arguments)


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        pytest.fail(f"{Path(program).name} {' '.join(arguments)} failed:\n{said}")
