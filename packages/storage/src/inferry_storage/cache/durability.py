"""Whether what was written is on the disk, without waiting for it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: Long enough that a command has ended: only processes that live on pay for it.
_DELAY = 2.0


def boot() -> str:
    """Name the boot of this machine; empty where the system does not say.

    What was written in this boot can be read, whether or not it is on the disk yet.
    """
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def sync(folder: Path) -> None:
    """Wait until all that was written to the file system of *folder* is on its disk."""
    import ctypes

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except AttributeError:  # not Linux
        os.sync()
    finally:
        os.close(descriptor)


class Syncer:
    """Syncs once for all that was published meanwhile, in the background."""

    def __init__(self, delay: float = _DELAY) -> None:
        self._delay = delay
        self._guard = threading.Lock()
        self._waiting: dict[Path, list[Callable[[], None]]] = {}

    def soon(self, folder: Path, then: Callable[[], None]) -> None:
        """Sync the file system of *folder* and call *then*; a failure is left."""
        with self._guard:
            is_first = not self._waiting
            self._waiting.setdefault(folder, []).append(then)
        if is_first:
            threading.Thread(target=self._run, name="inferry-sync", daemon=True).start()

    def _run(self) -> None:
        time.sleep(self._delay)
        with self._guard:
            waiting, self._waiting = self._waiting, {}
        for folder, done in waiting.items():
            with contextlib.suppress(OSError):
                sync(folder)
                for each in done:
                    each()


SYNCER = Syncer()
