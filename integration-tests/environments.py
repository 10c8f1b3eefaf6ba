"""Environments of their own for programs that cannot share ours."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Set it to keep environments between runs.
FOLDER = "INFERRY_TEST_ENVIRONMENTS"


@functools.cache
def environment(name: str, *requirements: str, dependencies: bool = True) -> Path:
    """Make the virtual environment *name* with *requirements*; return its folder.

    ``requirements`` are pinned by their callers. Fails the test, with what the
    installer said, where the index cannot be reached.
    """
    folder = _parent() / name
    with _alone(folder):
        _fill(folder, requirements, dependencies=dependencies)
    return folder


def _fill(folder: Path, requirements: tuple[str, ...], *, dependencies: bool) -> None:
    stamp = folder / "installed"
    wanted = "\n".join(requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    _uv(
        *("pip", "install", "--quiet", "--python", str(folder / "bin" / "python")),
        *(() if dependencies else ("--no-deps",)),
        *requirements,
    )
    stamp.write_text(wanted)


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


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make *folder*."""
    with folder.with_name(f".{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
