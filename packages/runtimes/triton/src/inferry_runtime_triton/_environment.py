"""The tritonserver of this machine and the Python that its Python backend runs in.

Where the settings name neither, both are made once, in a folder of the user's cache:
the server out of the wheel of nvidia-pytriton, whose binary needs nothing of this
environment, and a virtual environment with numpy 1, because its Python backend gives
empty tensors back with numpy 2.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_triton import _installing, _settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_runtime_triton._settings import TritonSettings

SERVER = "nvidia-pytriton==0.7.0"
NUMPY = "numpy==1.26.4"
_STUB = "triton_python_backend_stub"
_SECONDS = 60
#: Run in the environment of the Python backend: what its stub will meet.
_PROBE = """
import json, sys, sysconfig
try:
    import numpy
    version = numpy.__version__
except ImportError:
    version = ""
print(json.dumps({
    "python": "%d.%d" % sys.version_info[:2],
    "numpy": version,
    "folders": [sysconfig.get_config_var("LIBDIR"), sys.base_prefix + "/lib"],
}))
"""


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A tritonserver that can be started: its command, variables and backends."""

    command: tuple[str, ...]
    environ: Mapping[str, str] = {}
    backends: tuple[str, ...] = ()


class _Python(msgspec.Struct, frozen=True):
    """What `_PROBE` tells."""

    python: str
    numpy: str
    folders: tuple[str | None, ...]


def find(settings: TritonSettings) -> Installation:
    """Return the Triton that *settings* name, or make the one of the wheel.

    Raises:
        ModelLoadError: It cannot be made or started here; the remedy says why.

    """
    if settings.server:
        return _named(_settings.folder_of(settings.server), settings)
    return _of_wheel(settings)


def _named(server: Path, settings: TritonSettings) -> Installation:
    """Return a whole Triton, such as /opt/tritonserver/bin/tritonserver."""
    if server.is_dir():
        server = server / "bin" / "tritonserver"
    if not (server.is_file() and os.access(server, os.X_OK)):
        raise ModelLoadError(
            f"the setting server of [plugins.triton] names {server}, which is no "
            "program",
            reason=Reason.RuntimeNotInstalled,
            remedy="name the tritonserver of an installation of Triton",
        )
    backends = server.parents[1] / "backends"
    names = [each.name for each in backends.iterdir()] if backends.is_dir() else []
    environ = {}
    if settings.python:
        environ["PATH"] = _path(_settings.folder_of(settings.python))
    return Installation(
        command=(str(server), f"--backend-directory={backends}"),
        environ=environ,
        backends=tuple(sorted(names)) or ("python",),
    )


def _of_wheel(settings: TritonSettings) -> Installation:
    _check_machine()
    folder = cache()
    server = folder / SERVER.replace("==", "-")
    _installing.once(server, lambda made: _installing.unpack(made, SERVER), SERVER)
    home = server / "pytriton" / "tritonserver"
    environment = _python_environment(settings, folder)
    told = _ask(environment)
    stub = home / "python_backend_stubs" / told.python / _STUB
    _check_python(environment, told, stub)
    backends = folder / f"backends-{SERVER.rpartition('=')[2]}-{told.python}"
    _installing.once(backends, lambda made: _copy_backend(home, stub, made), "")
    library = _libpython(environment, told)
    libraries = (server / "nvidia_pytriton.libs", library.parent)
    return Installation(
        command=(
            str(home / "bin" / "tritonserver"),
            f"--backend-directory={backends}",
            f"--cache-directory={home / 'caches'}",
        ),
        environ={
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
            "PATH": _path(environment),
        },
        backends=("python",),
    )


def cache() -> Path:
    """Return the folder that holds what is made."""
    given = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(given) if given.startswith("/") else _settings.folder_of("~/.cache")
    return base / "inferry" / "triton"


def _check_machine() -> None:
    system, machine = os.uname().sysname, os.uname().machine
    if (system, machine) != ("Linux", "x86_64"):
        raise ModelLoadError(
            f"the wheel of tritonserver is for Linux on x86_64, this is {system} on "
            f"{machine}",
            reason=Reason.RuntimeNotInstalled,
            remedy="attach to a Triton that runs elsewhere with --url",
        )


def _python_environment(settings: TritonSettings, folder: Path) -> Path:
    if settings.python:
        return _settings.folder_of(settings.python)
    wanted = (NUMPY, *settings.requirements)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    said = json.dumps([sys.base_prefix, *wanted]).encode()
    digest = hashlib.sha256(said).hexdigest()[:12]
    made = folder / f"python-{version}-{digest}"
    _installing.once(
        made,
        lambda where: _installing.environment(where, wanted),
        f"an environment with {', '.join(wanted)}",
    )
    return made


def _ask(environment: Path) -> _Python:
    python = environment / "bin" / "python3"
    try:
        done = subprocess.run(  # noqa: S603 - the settings name it, or we made it
            [python, "-I", "-c", _PROBE],
            capture_output=True,
            check=True,
            text=True,
            timeout=_SECONDS,
        )
        told: Any = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ModelLoadError(
            f"{python} cannot be run: {type(error).__name__}",
            reason=Reason.RuntimeNotInstalled,
            remedy="name a virtual environment by the setting python of "
            "[plugins.triton]",
        ) from error
    return msgspec.convert(told, _Python)


def _check_python(environment: Path, told: _Python, stub: Path) -> None:
    if not stub.is_file():
        raise ModelLoadError(
            f"Triton's Python backend knows no Python {told.python}, which is in "
            f"{environment}",
            reason=Reason.RuntimeNotInstalled,
            remedy="name an environment of Python 3.8 to 3.13 by the setting python "
            "of [plugins.triton]",
        )
    if not told.numpy.startswith("1."):
        has = f"numpy {told.numpy}" if told.numpy else "no numpy"
        raise ModelLoadError(
            f"{environment} has {has}; with it the Python backend of {SERVER} gives "
            "empty tensors back",
            reason=Reason.RuntimeNotInstalled,
            remedy=f'install "numpy<2" into {environment}',
        )


def _libpython(environment: Path, told: _Python) -> Path:
    """Return the shared library of Python, which the stub is linked against."""
    name = f"libpython{told.python}.so.1.0"
    known = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")
    for folder in (*filter(None, told.folders), *known):
        library = Path(folder) / name
        if library.is_file():
            return library
    raise ModelLoadError(
        f"there is no {name}, which Triton's Python backend needs for the Python of "
        f"{environment}",
        reason=Reason.RuntimeNotInstalled,
        remedy=f"install the system's package libpython{told.python}, or name an "
        "environment of another Python by the setting python of [plugins.triton]",
    )


def _copy_backend(home: Path, stub: Path, folder: Path) -> None:
    """Put the Python backend and its stub for one Python side by side."""
    shutil.copytree(home / "backends" / "python", folder / "python")
    shutil.copy(stub, folder / "python" / _STUB)


def _path(environment: Path) -> str:
    """Return a PATH by which the stub finds the packages of *environment*."""
    return f"{environment / 'bin'}:{os.environ.get('PATH', os.defpath)}"
