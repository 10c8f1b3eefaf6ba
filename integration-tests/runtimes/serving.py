"""The examples of runtimes: copied, given their models, served until the tests end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from running import REPOSITORY, Running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_EXAMPLES = REPOSITORY / "examples" / "runtimes"
#: Frameworks are imported by each replica, on machines that do much besides.
_SECONDS = 300


def copy_example(name: str, parent: Path, *, makes: str, legacy: str = "") -> Path:
    """Return a copy of the example *name* in *parent* with the model that it makes.

    *makes* is the folder of the model, which the original may have from its user.
    *legacy* is written beside its YAML: KServe's older way to say the same.
    """
    folder = parent / name.rpartition("/")[2]
    shutil.copytree(_EXAMPLES / name, folder, ignore=shutil.ignore_patterns(makes))
    subprocess.run([sys.executable, str(folder / "make_model.py")], check=True)
    if legacy:
        (folder / "legacy.yaml").write_text(legacy)
    return folder


@contextmanager
def serving(
    folder: Path,
    *names: str,
    files: Sequence[str] = ("service.yaml", "legacy.yaml"),
    environment: dict[str, str] | None = None,
) -> Iterator[Running]:
    """Give what serves *files* of *folder* once each of *names* is ready."""
    running = Running(folder, files, environment or {})
    try:
        for name in names:
            running.wait(name, "Ready", seconds=_SECONDS)
        yield running
    finally:
        code = running.stop()
    assert code == 0


def apply(running: Running, name: str) -> None:
    """Apply the file of *name* besides, and wait until it is ready."""
    done = running.command("apply", f"{name}.yaml")
    assert done.returncode == 0, done.stderr
    running.wait(name, "Ready", seconds=_SECONDS)
