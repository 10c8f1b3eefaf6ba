"""Where the sockets of running instances are: one per port, in a folder of the user's.

The folder is ``$XDG_RUNTIME_DIR/inferry``, else ``inferry-<uid>`` in the folder for
temporary files. Only its owner may enter it, and a folder that others could have made
or can write to is refused.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from inferry.errors import BackendError

_SUFFIX = ".sock"
#: sun_path of sockaddr_un: 108 bytes on Linux, 104 elsewhere, both with the final NUL.
_MAX_PATH = 103
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Instance:
    """One `inferry run` that answers, by the port of its gateway."""

    port: int
    path: Path


def socket_path(port: int) -> Path:
    """Return where the instance on *port* has its socket, in a folder made and checked.

    Raises:
        BackendError: The folder cannot be made, or is not the user's alone.

    """
    folders = [folder for folder in _folders() if _fits(folder / f"{port}{_SUFFIX}")]
    if not folders:
        msg = f"the path of the control socket is too long: {_folders()[0]}"
        raise BackendError(msg, remedy="set XDG_RUNTIME_DIR to a shorter path")
    folder = folders[0]
    try:
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        _check(folder)
    except OSError as error:
        msg = f"the folder {folder} for the control socket cannot be used: {error}"
        raise BackendError(msg, remedy="set XDG_RUNTIME_DIR to one that can") from None
    return folder / f"{port}{_SUFFIX}"


def instances() -> list[Instance]:
    """Return the instances that answer, by port; stale sockets are removed."""
    found: dict[int, Instance] = {}
    for folder in _folders():
        try:
            _check(folder)
            paths = sorted(folder.glob(f"*{_SUFFIX}"))
        except OSError:
            continue
        for path in paths:
            if path.stem.isdecimal() and alive(path):
                found.setdefault(int(path.stem), Instance(int(path.stem), path))
    return [found[port] for port in sorted(found)]


def alive(path: Path) -> bool:
    """Say whether somebody listens on the socket; a stale one is removed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        except OSError:
            return False
        return True


def _folders() -> list[Path]:
    """Return the folders to look into; two shells may differ in XDG_RUNTIME_DIR."""
    own = f"inferry-{os.getuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    there = runtime.startswith("/") and Path(runtime).is_dir()
    first = [Path(runtime) / "inferry"] if there else []
    return list(dict.fromkeys([*first, Path(tempfile.gettempdir()) / own]))


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= _MAX_PATH


def _check(folder: Path) -> None:
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        msg = "it is no folder"
        raise NotADirectoryError(msg)
    if facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        msg = "others than you can enter it"
        raise PermissionError(msg)
