"""Advisory locks on files, which end with the process that holds them."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING, Self

from inferry.storage import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

_SHORTEST = 0.01
_LONGEST = 0.2


class Lock:
    """A lock that is held until it is released."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock; again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def take(path: Path, *, shared: bool = False) -> Lock | None:
    """Lock the file *path* now; None if another holds it.

    Raises:
        NotAllowed: The file system has no locks.

    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise NotAllowed(
                f"{path.parent} is on a file system without locks: {error.strerror}",
                remedy="set [storage] cache_dir to a local disk",
            ) from error
        if _is(descriptor, path):
            return Lock(descriptor)
        # Whoever held it has removed the file: this lock is of no use to anyone.
        os.close(descriptor)


async def wait(
    path: Path, *, shared: bool = False, on_wait: Callable[[], None] | None = None
) -> Lock:
    """Lock the file *path*; *on_wait* is called once if another holds it."""
    pause = _SHORTEST
    while (lock := take(path, shared=shared)) is None:
        if on_wait is not None:
            on_wait()
            on_wait = None
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST)
    return lock


def _is(descriptor: int, path: Path) -> bool:
    """Say whether the open file is still the one called *path*."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
