"""Images without a registry: almost empty, what they run comes from this machine.

The node mounts `sources` read-only into every container, so an image needs no more than
the places they are mounted at, and what it starts.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PAUSE = "localhost/pause:1"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_DIRECTORIES = ("usr", "etc", "tmp", "root", "var", "mnt", "dev", "proc", "sys", "run")
_LINKS = ("bin", "sbin", "lib", "lib64")
#: Where an environment is in a container whose own place a volume of the pod hides.
_ELSEWHERE = Path("/opt/environment")
_HIDDEN = Path("/tmp")
_STICKY, _PLAIN = 0o1777, 0o755
_PAUSE_SOURCE = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
static void reap(int signal) { while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGTERM, end);
  signal(SIGINT, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
"""


def sources() -> list[Path]:
    """Return the folders that hold Python, its packages and the system's libraries.

    Packages that are installed as links to their sources need those, too, and whoever
    speaks TLS the authorities that the system trusts.
    """
    system = {Path("/usr"), Path("/etc/ssl")}
    found = system | {Path(sys.prefix), Path(sys.base_prefix)}
    for entry in sys.path:
        folder = Path(entry).resolve()
        if folder.is_dir() and entry and folder.name == "src":
            found.add(folder)
    outer = [
        folder
        for folder in found
        if not any(other != folder and folder.is_relative_to(other) for other in found)
    ]
    return sorted(outer)


def place(source: Path) -> Path:
    """Return where a container has the folder *source*: its own place, if it can be."""
    prefix = Path(sys.prefix)
    if source.is_relative_to(prefix) and prefix.is_relative_to(_HIDDEN):
        return _ELSEWHERE / source.relative_to(prefix)
    return source


def python_image(file: Path, name: str, *module: str) -> None:
    """Write the image *name* that runs a module of this Python environment."""
    _write(file, name, ["-m", *module], python=True)


def pause_image(file: Path) -> None:
    """Write the image of the container that holds a pod's network namespace."""
    source, program = file.with_suffix(".c"), file.with_suffix("")
    source.write_text(_PAUSE_SOURCE)
    command = ["gcc", "-Os", "-static", "-s", "-o", str(program), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    _write(file, PAUSE, ["/pause"], files={"pause": program.read_bytes()})


def _write(
    file: Path,
    name: str,
    start: Sequence[str],
    *,
    files: dict[str, bytes] | None = None,
    python: bool = False,
) -> None:
    """Write an archive as ``docker save`` does, of one layer."""
    layer = _layer(files or {}, links=python)
    program = place(Path(sys.executable))
    entry = [str(program), *start] if python else list(start)
    environment = {
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {
            "Entrypoint": entry,
            # As our own images: a number, which the kubelet can tell from root.
            "User": "1000:1000",
            "Env": [f"{key}={value}" for key, value in environment.items()],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": name}],
    }
    text = json.dumps(config).encode()
    told = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": told, "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(file, "w") as archive:
        _add(archive, told, text)
        _add(archive, "layer.tar", layer)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _layer(files: dict[str, bytes], *, links: bool) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name in _DIRECTORIES:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE
            entry.mode = _STICKY if name == "tmp" else _PLAIN
            archive.addfile(entry)
        for name in _LINKS if links else ():
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.SYMTYPE
            entry.linkname = f"usr/{name}"
            archive.addfile(entry)
        for name, data in files.items():
            _add(archive, name, data)
    return target.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), _PLAIN
    archive.addfile(entry, io.BytesIO(data))
