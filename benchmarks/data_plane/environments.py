"""One environment per peer, in a cache outside the repository, made when missing."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from data_plane.peers import Peer


#: Triton's wheel has no newer stub that is of use, so every peer gets this Python.
PYTHON = "3.11"


class InstallError(Exception):
    """An environment cannot be made; the message says what to do."""


class Pinned(Protocol):
    """What has an environment of its own, or none where it is ours."""

    @property
    def name(self) -> str:
        """What its environment is called."""

    @property
    def installed(self) -> bool:
        """Whether it has one."""

    @property
    def requirements(self) -> Path:
        """The file that pins what is in it."""


def cache_folder() -> Path:
    """Return where environments are kept: ``$INFERRY_BENCH_CACHE`` or the user's."""
    chosen = os.environ.get("INFERRY_BENCH_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else home / "inferry-bench"


def environment(peer: Pinned, cache: Path) -> Path:
    """Return the environment of *peer*, installed from its pins if it is not there.

    The name carries a digest of the pins: a changed file is a new environment.
    """
    if not peer.installed:
        return Path(sys.prefix)
    digest = hashlib.sha256(peer.requirements.read_bytes()).hexdigest()[:12]
    folder = cache / f"{peer.name}-{digest}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {peer.name} into {folder}", file=sys.stderr)
        _install(peer, folder)
        (folder / "installed").touch()
    return folder


def _install(peer: Pinned, folder: Path) -> None:
    _uv(["venv", "--quiet", "--python", PYTHON, str(folder)])
    pins = ["--no-deps", "--requirements", str(peer.requirements)]
    _uv(["pip", "install", "--quiet", "--python", str(folder / "bin/python"), *pins])


def _uv(arguments: list[str]) -> None:
    program = shutil.which("uv")
    if program is None:
        raise InstallError("uv is missing: pip install uv")
    done = subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise InstallError(f"uv {' '.join(arguments)} failed: {done.stderr[-500:]}")


def unavailable(peer: Peer) -> str:
    """Return why *peer* cannot run on this machine, or nothing."""
    for library, package in peer.needs.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            return f"{library} is missing: apt-get install {package}"
    if peer.x86_only and platform.machine() != "x86_64":
        return f"its wheel is for x86_64, this machine is {platform.machine()}"
    return ""


def versions(python: Path) -> dict[str, str]:
    """Return the versions of what matters in an environment."""
    code = (
        "import importlib.metadata as m;"
        "print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    )
    done = subprocess.run(
        [str(python), "-c", code], check=True, capture_output=True, text=True
    )
    pairs = (line.split("==") for line in done.stdout.splitlines() if "==" in line)
    return {name.lower(): version for name, version in pairs}
