"""Packages of third parties: built, and installed beside our wheels alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from running import REPOSITORY, clean_environment


def uv(*arguments: str | Path) -> None:
    """Run uv; what it prints is shown only if it fails."""
    command = [sys.executable, "-m", "uv"] if find_spec("uv") else [shutil.which("uv")]
    done = subprocess.run(
        [*map(str, command), *map(str, arguments)],
        capture_output=True,
        check=False,
        env=clean_environment(),
        text=True,
    )
    assert done.returncode == 0, done.stderr


def wheel(folder: Path, distribution: str) -> Path:
    """Return the one wheel of *distribution* in *folder*."""
    (found,) = folder.glob(f"{distribution.replace('-', '_')}-[0-9]*.whl")
    return found


def our_wheels(folder: Path, *names: str) -> list[Path]:
    """Return our wheels, built into *folder* unless they are given.

    *names* are folders below ``packages``.
    """
    given = os.environ.get("INFERRY_WHEELS")
    if not given:
        for name in names:
            uv("build", "--wheel", "-o", folder, REPOSITORY / "packages" / name)
    built = Path(given) if given else folder
    return [
        wheel(built, "inferry" if name == "core" else f"inferry-{name}")
        for name in names
    ]
