"""Make a folder once, by one process, whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError, one_line, printable
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

_SECONDS = 1800
_SHOWN = 400


def once(folder: Path, make: Callable[[Path], None], what: str) -> None:
    """Make *folder* by *make* unless it is there; *what* it is called in the log.

    Raises:
        ModelLoadError: It cannot be made.

    """
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if not folder.is_dir():
                _make(folder, make, what)
    except OSError as error:
        raise ModelLoadError(
            f"{folder} cannot be made: {one_line(error)}",
            reason=Reason.RuntimeNotInstalled,
            remedy="make room there, or set XDG_CACHE_HOME to another folder",
        ) from error


def _make(folder: Path, make: Callable[[Path], None], what: str) -> None:
    if what:
        logger.info("installing %s into %s, this once", what, folder)
    began = time.monotonic()
    # Beside the folder, and kept in its place by a link for what holds absolute paths.
    scratch = tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent)
    made = folder.parent / scratch
    try:
        make(made / folder.name)
        (made / folder.name).rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    if what:
        logger.info("installed %s after %.1f s", what, time.monotonic() - began)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make *folder*."""
    lock = folder.with_name(f".{folder.name}.lock")
    with lock.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting: another process installs %s", folder)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def unpack(folder: Path, requirement: str) -> None:
    """Install *requirement* alone, without what it depends on, into *folder*."""
    uv = _uv()
    how = ("--no-deps", "--only-binary", ":all:", "--target", str(folder), requirement)
    if uv:
        _run([*uv, "pip", "install", "--quiet", "--python", sys.executable, *how])
        return
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        _run([sys.executable, "-m", "venv", scratch])
        _run([f"{scratch}/bin/python", "-m", "pip", "install", "--quiet", *how])


def environment(folder: Path, requirements: Sequence[str]) -> None:
    """Make a virtual environment of this Python with *requirements* in *folder*."""
    uv = _uv()
    python = str(folder / "bin" / "python3")
    how = ("--quiet", "--only-binary", ":all:")
    if uv:
        command = [*uv, "venv", "--quiet", "--relocatable", "--python", sys.executable]
        _run([*command, str(folder)])
        install = [*uv, "pip", "install", "--python", python, *how]
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        install = [python, "-m", "pip", "install", *how]
    _run([*install, *requirements])


def _uv() -> list[str]:
    """Return how to call uv, which is quicker than pip; empty if it is not there."""
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else []


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the installer of this environment
            command,
            capture_output=True,
            check=False,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(command, one_line(error)) from error
    if done.returncode:
        raise _failed(command, " ".join(f"{done.stderr}{done.stdout}".split()))


def _failed(command: Sequence[str], said: str) -> ModelLoadError:
    return ModelLoadError(
        f"{command[-1]} cannot be installed: {printable(said)[-_SHOWN:]}",
        reason=Reason.RuntimeNotInstalled,
        remedy="let this machine reach its package index, or name what is installed "
        "by the settings server and python of [plugins.triton]",
    )
