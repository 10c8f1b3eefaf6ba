"""How much memory models hold, and which of them give way to another.

Models of one server share a budget. Where a load does not fit into it, the idle model
that was asked least recently sleeps: it is unloaded, and loaded again by the next
request for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from inferry.errors import ModelLoadError, ModelNotReady

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

_STATM = Path("/proc/self/statm")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


class ModelAsleep(ModelNotReady):
    """The model gave way to others; ``wake`` loads it again."""

    def __init__(self, message: str, wake: Callable[[], Awaitable[None]]) -> None:
        super().__init__(message)
        self.wake = wake


class Resident(Protocol):
    """What holds memory: ``used`` is when it was asked last, of `time.monotonic`."""

    memory: int
    used: float

    @property
    def is_awake(self) -> bool:
        """Whether it is in memory."""

    @property
    def is_busy(self) -> bool:
        """Whether it has calls."""


R = TypeVar("R", bound=Resident)


class MemoryBudget:
    """So many bytes for all models together; 0 is any number."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: What loads under way will hold.
        self._promised: dict[str, int] = {}

    @contextlib.contextmanager
    def promised(self, name: str) -> Iterator[Callable[[int], None]]:
        """Give what sets aside bytes for the load of *name* until the block ends.

        It raises `ModelLoadError` for more than there may be of all.
        """

        def promise(need: int) -> None:
            self._check(name, need)
            self._promised[name] = need

        try:
            yield promise
        finally:
            self._promised.pop(name, None)

    def _check(self, name: str, need: int) -> None:
        if 0 < self._limit < need:
            raise ModelLoadError(
                f"model {name!r} needs {shown(need)}, and the memory budget of the "
                f"server is {shown(self._limit)}",
                reason="OutOfMemory",
                remedy="raise --memory_budget, or serve the model elsewhere",
            )

    async def make_room(
        self, others: Iterable[R], sleep: Callable[[R], Awaitable[None]]
    ) -> None:
        """Let idle ones of *others* sleep, the least recently asked first.

        Busy ones follow where that is not enough; what they have begun is answered.
        """
        residents = [each for each in others if each.is_awake]
        for each in sorted(residents, key=lambda each: (each.is_busy, each.used)):
            held = sum(other.memory for other in residents if other.is_awake)
            if not 0 < self._limit < held + sum(self._promised.values()):
                return
            await sleep(each)


class Growth:
    """Tells by how many bytes this process grew while one model was loaded.

    Beside another load, or where modules were imported, which stay when the model
    goes, nobody can tell: then it is 0.
    """

    _lock = threading.Lock()
    _begun = 0
    _under_way = 0

    def __enter__(self) -> Self:
        cls = type(self)
        with self._lock:
            self._alone = cls._under_way == 0
            cls._begun += 1
            cls._under_way += 1
            self._number = cls._begun
        self._modules = len(sys.modules)
        self._before = resident()
        self.size = 0
        return self

    def __exit__(self, *_: object) -> None:
        grown = resident() - self._before
        cls = type(self)
        with self._lock:
            cls._under_way -= 1
            alone = self._alone and self._number == cls._begun
        if alone and len(sys.modules) == self._modules:
            self.size = max(grown, 0)


def resident() -> int:
    """Return the bytes of memory that this process holds; 0 where nobody tells."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def stored(path: Path) -> int:
    """Return the bytes of the file or of the files of the folder *path*."""
    found = [
        os.path.join(folder, name)  # noqa: PTH118 - thousands of names
        for folder, _, names in os.walk(path)
        for name in names
    ]
    sizes = 0
    for each in found or [str(path)]:
        with contextlib.suppress(OSError):
            sizes += os.stat(each).st_size  # noqa: PTH116
    return sizes


def shown(size: int) -> str:
    """Return *size* in bytes as people write it."""
    amount, unit = float(size), _UNITS[0]
    for unit in _UNITS:
        if amount < _STEP or unit == _UNITS[-1]:
            break
        amount /= _STEP
    return f"{amount:.4g} {unit}"
