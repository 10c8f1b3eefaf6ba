"""The programs of a node: unpacked from Debian's packages once, kept in a cache.

Nothing is installed, and nothing of what is installed is used: the packages lie in a
folder beside the programs that are built from Go modules.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

from bed.binaries import ProgramMissing, alone, cache

#: With the libraries that a minimal system lacks.
PACKAGES = (
    *("containerd", "containernetworking-plugins", "libseccomp2", "runc"),
    *("nftables", "libbsd0", "libedit2", "libgmp10", "libjansson4", "libmd0"),
    *("libmnl0", "libnftables1", "libnftnl11", "libtinfo6", "libxtables12"),
)
_RELEASE = Path("/etc/os-release")
_SECONDS = 600


class Programs:
    """The unpacked packages below *folder*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plugins = folder / "usr" / "lib" / "cni"

    def path(self, name: str) -> Path:
        """Return the file of the program *name*.

        Raises:
            ProgramMissing: No package has it.

        """
        for place in ("bin", "sbin"):
            found = self.folder / "usr" / place / name
            if found.is_file():
                return found
        raise ProgramMissing(f"none of {', '.join(PACKAGES)} has the program {name}")

    @property
    def environment(self) -> dict[str, str]:
        """Return an environment in which these come before what is installed."""
        usr = self.folder / "usr"
        places = [str(usr / "bin"), str(usr / "sbin"), os.environ.get("PATH", "")]
        libraries = (usr / "lib", self.folder / "lib")
        found = {
            str(file.parent) for place in libraries for file in place.rglob("*.so.*")
        }
        return os.environ | {
            "PATH": os.pathsep.join(places),
            "LD_LIBRARY_PATH": os.pathsep.join(sorted(found)),
        }


def programs() -> Programs:
    """Return the programs of a node, downloaded first where the cache lacks them.

    Raises:
        ProgramMissing: This is no Debian, or its packages cannot be had.

    """
    named = " ".join((*PACKAGES, _release()))
    digest = hashlib.sha256(named.encode()).hexdigest()[:16]
    folder = cache() / f"debian-{platform.machine()}-{digest}"
    if not folder.is_dir():
        with alone(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():  # another process may have unpacked it meanwhile
                _unpack(folder)
    return Programs(folder)


def _unpack(folder: Path) -> None:
    """All or nothing: the folder gets its name when all is in it."""
    if missing := [name for name in ("apt-get", "dpkg-deb") if not shutil.which(name)]:
        raise ProgramMissing(
            f"a real node needs the Debian packages {', '.join(PACKAGES)}, and there "
            f"is no {' and no '.join(missing)} here to fetch them"
        )
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fetched = fresh / "fetched"
    fetched.mkdir(parents=True)
    try:
        _download(fetched)
        for package in sorted(fetched.glob("*.deb")):
            _must(fresh, "dpkg-deb", "-x", str(package), str(fresh))
        shutil.rmtree(fetched)
        fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _download(folder: Path) -> None:
    """By the lists of packages that are here, or else by new ones of our own."""
    if not _run(folder, "apt-get", "download", *PACKAGES).returncode:
        return
    for place in ("lists/partial", "archives/partial"):
        (folder / "apt" / place).mkdir(parents=True)
    own = (
        *("-o", f"Dir::State::lists={folder}/apt/lists"),
        *("-o", f"Dir::Cache={folder}/apt", "-o", "APT::Sandbox::User="),
    )
    _must(folder, "apt-get", *own, "update")
    _must(folder, "apt-get", *own, "download", *PACKAGES)


def _must(folder: Path, *command: str) -> None:
    done = _run(folder, *command)
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()[-2000:]
        raise ProgramMissing(f"{' '.join(command)} failed:\n{said}")


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def _release() -> str:
    """Packages fit the release that they are of."""
    return _RELEASE.read_text() if _RELEASE.is_file() else ""
