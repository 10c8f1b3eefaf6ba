"""Read the zip archives that PyTorch writes, within bounds and without unpacking them.

What is read here is code and descriptions, which are small; the weights are left to
torch. A central directory is not trusted: sizes are bounded before anything is read.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from inferry.errors import ModelLoadError
from inferry.status import Reason

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import IO, Self

#: Entries of one archive; a model of 100,000 tensors has as many.
MAX_ENTRIES = 200_000
#: Bytes of one entry that is read into memory: code, JSON, a handler's labels.
MAX_READ = 256 * 2**20
#: Bytes that one archive may unpack to, for each byte that it has.
MAX_RATIO = 200
_SMALL = 2**20
_ENCRYPTED = 0x1
_LINK = 0o120000
_KIND = 0o170000


class Archive:
    """An open zip whose names and sizes are known to be harmless."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise corrupt(path, f"it is no archive, or is cut off ({error})") from None
        try:
            self._entries = {each.filename: each for each in self._zip.infolist()}
            self._check()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all entries, as they are written in the archive."""
        return tuple(self._entries)

    @property
    def folder(self) -> str:
        """The folder that torch puts all entries into, with its slash."""
        first = next(iter(self._entries), "")
        return first[: first.find("/") + 1]

    def within(self) -> tuple[str, ...]:
        """Return the names of the entries without torch's folder."""
        folder = self.folder
        return tuple(
            name.removeprefix(folder) for name in self.names if name.startswith(folder)
        )

    def size(self, name: str) -> int:
        """Return how many bytes the entry *name* unpacks to."""
        return self._entries[name].file_size

    def read(self, name: str, limit: int = MAX_READ) -> bytes:
        """Return the bytes of the entry *name*.

        Raises:
            ModelLoadError: It is missing, longer than *limit*, or corrupt.

        """
        entry = self._entries.get(name)
        if entry is None:
            raise corrupt(self.path, f"it has no {name!r}")
        if entry.file_size > limit:
            raise ModelLoadError(
                f"{name!r} in {self.path.name} has {entry.file_size} bytes, "
                f"more than the {limit} that are read",
                reason=Reason.ModelUnsafe,
                remedy="save the model again",
            )
        try:
            with self._zip.open(entry) as file:
                found = file.read(limit + 1)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise corrupt(self.path, f"{name!r} cannot be read ({error})") from None
        except Exception as error:  # zlib and friends have no common root
            raise corrupt(self.path, f"{name!r} cannot be unpacked") from error
        if len(found) > limit:
            raise corrupt(self.path, f"{name!r} is longer than the archive says")
        return found

    def open(self, name: str) -> IO[bytes]:
        """Open the entry *name*; what it unpacks to is bounded as its size says."""
        return self._zip.open(name)

    def _check(self) -> None:
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES or len(entries) != len(self._entries):
            raise unsafe(
                self.path, f"has {len(entries)} entries, too many or some twice"
            )
        for each in entries:
            parts = each.filename.replace("\\", "/").split("/")
            if each.filename.startswith(("/", "\\")) or ".." in parts:
                raise unsafe(
                    self.path, f"has {each.filename[:80]!r}, which leads out of it"
                )
            if (each.external_attr >> 16) & _KIND == _LINK:
                raise unsafe(self.path, f"has the link {each.filename[:80]!r}")
            if each.flag_bits & _ENCRYPTED:
                raise unsafe(self.path, f"has the encrypted {each.filename[:80]!r}")
        total = sum(each.file_size for each in entries)
        size = self.path.stat().st_size
        if total > _SMALL and total > MAX_RATIO * size:
            raise unsafe(self.path, f"has {size} bytes and unpacks to {total}")


def corrupt(path: Path, why: str) -> ModelLoadError:
    """Return the error of a file that is not what it should be."""
    return ModelLoadError(
        f"{path.name} cannot be read: {why}",
        reason=Reason.ModelCorrupt,
        remedy="save or upload the model again",
    )


def unsafe(path: Path, what: str) -> ModelLoadError:
    """Return the error of an archive that *what* makes suspicious."""
    return ModelLoadError(
        f"{path.name} {what}",
        reason=Reason.ModelUnsafe,
        remedy="save the model again with torch",
    )
