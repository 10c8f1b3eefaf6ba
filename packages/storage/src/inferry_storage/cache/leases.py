"""Which paths this process uses, so that no clean-up takes them away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from inferry_storage.cache.locks import Lock


class _Held(msgspec.Struct):
    lock: Lock
    count: int = 1


_HELD: dict[Path, _Held] = {}
_GUARD = threading.Lock()


def hold(path: Path, lock: Lock) -> None:
    """Keep *lock*, which says that *path* is used, until `release` is called."""
    with _GUARD:
        held = _HELD.get(path)
        if held is None:
            _HELD[path] = _Held(lock)
            return
        held.count += 1
    lock.release()


def release(path: Path) -> None:
    """Undo one `hold` of *path*; of a path that is not held, do nothing."""
    with _GUARD:
        held = _HELD.get(path)
        if held is None:
            return
        held.count -= 1
        if held.count:
            return
        del _HELD[path]
    held.lock.release()
