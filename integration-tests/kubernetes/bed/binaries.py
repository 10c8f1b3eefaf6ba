"""The programs of a cluster: built from published Go modules once, kept in a cache.

Each folder of ``tools/`` is a Go module that pins one of them with all it needs; its
``go.sum`` and the flags of the build name the folder of the cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A folder with all programs; nothing is built then.
READY = "INFERRY_KUBE_BIN"
TOOLS = Path(__file__).resolve().parents[1] / "tools"
_VERSION = "v1.36.3"
_BUILD_SECONDS = 1800


class ProgramMissing(Exception):
    """A program that this machine neither has nor can build; the text says why."""


@dataclass(frozen=True, kw_only=True)
class _Program:
    module: str
    package: str
    flags: str = "-s -w"


def _kubernetes_flags() -> str:
    """Without a version in it, clients cannot read what the server answers."""
    _, major, minor = _VERSION.replace("v", ".").split(".")[:3]
    values = {"gitVersion": _VERSION, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    set_them = [
        f"-X {package}.{key}={value}"
        for package in packages
        for key, value in (*values.items(), ("gitTreeState", "clean"))
    ]
    return " ".join(("-s -w", *set_them))


_KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubectl",
    "kubelet",
)
_PROGRAMS = {
    **{
        name: _Program(
            module="cluster",
            package=f"k8s.io/kubernetes/cmd/{name}",
            flags=_kubernetes_flags(),
        )
        for name in _KUBERNETES
    },
    "etcd": _Program(module="cluster", package="go.etcd.io/etcd/server/v3"),
    "kwok": _Program(module="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),
    "contour": _Program(
        module="contour", package="github.com/projectcontour/contour/cmd/contour"
    ),
    "helm": _Program(module="helm", package="helm.sh/helm/v4/cmd/helm"),
}
NAMES = tuple(_PROGRAMS)


def binary(name: str, say: Callable[[str], None] = print) -> Path:
    """Return the program *name*, built first where the cache does not have it.

    ``say`` gets a line before and after a build, which may take minutes.

    Raises:
        ProgramMissing: There is no Go here, or the build failed.

    """
    if ready := os.environ.get(READY):
        found = Path(ready, name)
        if found.is_file():
            return found
    program = _PROGRAMS[name]
    path = _folder(program) / name
    if path.is_file():
        return path
    with alone(path.with_name(f".{name}.lock")):
        if not path.is_file():  # another process may have built it meanwhile
            _build(program, path, say)
    return path


def cache() -> Path:
    """Return the folder that keeps what was built or fetched for the next run."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home, "inferry", "kubernetes")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold *lock* over processes; it goes with the process that holds it."""
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def module_folder(tool: str, module: str) -> Path:
    """Return where the sources of the Go module *module* lie, as *tool* pins it.

    Raises:
        ProgramMissing: There is no Go here, or the module cannot be fetched.

    """
    told = _go(tool, "mod", "download", "-json", module)
    return Path(json.loads(told)["Dir"])


def _build(program: _Program, path: Path, say: Callable[[str], None]) -> None:
    say(f"building {path.name}, once: this can take minutes ...")
    began = time.monotonic()
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    flags = ("-trimpath", "-ldflags", program.flags, "-o", str(fresh))
    try:
        _go(program.module, "build", *flags, program.package)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    say(f"built {path} in {time.monotonic() - began:.0f} s")


def _go(module: str, *arguments: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise ProgramMissing(
            "the tests on a real API server need Go to build it: install Go 1.26 or "
            f"name a folder with its programs in {READY}"
        )
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    done = subprocess.run(
        [go, *arguments],
        cwd=TOOLS / module,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()[-2000:]
        raise ProgramMissing(f"go {' '.join(arguments)} failed:\n{said}")
    return done.stdout


def _folder(program: _Program) -> Path:
    digest = hashlib.sha256(program.flags.encode())
    for name in ("go.mod", "go.sum"):
        digest.update(TOOLS.joinpath(program.module, name).read_bytes())
    kind = f"{program.module}-{platform.machine()}-{digest.hexdigest()[:16]}"
    folder = cache() / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder
