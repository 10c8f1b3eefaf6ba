"""A file that is read again when it changes."""

from __future__ import annotations

import logging
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from inferry.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Seconds between two looks at the file; a key that is taken out works so much longer.
_INTERVAL = 1.0
_LARGEST = 1024 * 1024


class Watched(Generic[T]):
    """The content of the file *path* as *parse* reads it; *what* names it in messages.

    A change that cannot be read is logged, and what was read before stays in force.
    """

    def __init__(
        self,
        path: str,
        parse: Callable[[str], T],
        what: str,
        *,
        interval: float = _INTERVAL,
    ) -> None:
        self._path = Path(path)
        self._parse = parse
        self._what = what
        self._interval = interval
        self._mark = self._stat()
        self._value = self._read()
        self._looked = time.monotonic()

    @property
    def value(self) -> T:
        """What the file says now."""
        now = time.monotonic()
        if now - self._looked >= self._interval:
            self._looked = now
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            mark = self._stat()
            if mark == self._mark:
                return
            self._mark = mark
            self._value = self._read()
        except SettingsError as error:
            logger.error("%s; what was read before stays in force", error)  # noqa: TRY400 - expected: one line
        else:
            logger.info("%s %s was read again", self._what, self._path)

    def _stat(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise self._unreadable(error) from None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> T:
        try:
            with self._path.open(encoding="utf-8") as file:
                text = file.read(_LARGEST + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(error) from None
        if len(text) > _LARGEST:
            raise SettingsError(f"{self._what} {self._path}: it is over a megabyte")
        try:
            return self._parse(text)
        except SettingsError as error:
            raise SettingsError(f"{self._what} {self._path}: {error}") from None

    def _unreadable(self, error: Exception) -> SettingsError:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        return SettingsError(f"{self._what} {self._path} cannot be read: {why}")

    def warn_if_open(self) -> None:
        """Log a warning where everybody on this machine may read the file."""
        if self._path.stat().st_mode & stat.S_IROTH:
            logger.warning(
                "%s %s may be read by everybody here; chmod 600 it",
                self._what,
                self._path,
            )
