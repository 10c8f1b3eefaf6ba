"""The session's folder: private, short, and removed with what a killed one left."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

_PREFIX = f"inferry-local-{os.getuid()}-"
#: Ray puts unix sockets deep below; their paths may have 103 bytes in all.
_MAX_LENGTH = 40


def private_folder() -> Path:
    """Make a folder that only this user can enter, named after this process."""
    root = _root()
    remove_stale(root)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root))


def remove_folder(folder: Path) -> None:
    """Remove the session's folder, whatever is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_stale(root: Path) -> None:
    """Remove the folders of processes that were killed before they could."""
    for folder in root.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            own = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
        except OSError:
            continue
        if own and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            remove_folder(folder)


def _root() -> Path:
    folder = Path(tempfile.gettempdir())
    if len(os.fsencode(folder)) <= _MAX_LENGTH - len(_PREFIX) or os.name != "posix":
        return folder
    return Path("/tmp")  # noqa: S108 - mkdtemp makes it private; the path must be short
