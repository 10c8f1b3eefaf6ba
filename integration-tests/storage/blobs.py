"""Files of any size whose every byte is known without keeping them."""

from __future__ import annotations

import functools
import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# A prime: parts that change places differ, whatever power of two their size is.
_PERIOD = 1_048_583


@functools.lru_cache(maxsize=16)
def _pattern(seed: int) -> bytes:
    return random.Random(seed).randbytes(_PERIOD)


@dataclass(frozen=True)
class Blob:
    """*size* bytes that only *seed* decides."""

    size: int
    seed: int = 0

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """Yield the bytes from *start* to before *stop*, nothing copied."""
        pattern = memoryview(_pattern(self.seed))
        end = self.size if stop is None else min(stop, self.size)
        at = start
        while at < end:
            inside = at % _PERIOD
            piece = pattern[inside : inside + min(_PERIOD - inside, end - at)]
            yield piece
            at += len(piece)

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.pieces())

    @functools.cached_property
    def sha256(self) -> str:
        """The SHA-256 in hex."""
        found = hashlib.sha256()
        for piece in self.pieces():
            found.update(piece)
        return found.hexdigest()

    @functools.cached_property
    def etag(self) -> str:
        """A strong validator, in the form that S3 gives to what came in parts."""
        text = f"{self.size} {self.seed}".encode()
        return f'"{hashlib.md5(text).hexdigest()}-2"'

    @functools.cached_property
    def md5(self) -> str:
        """The ETag that S3 gives to what came in one piece."""
        found = hashlib.md5()
        for piece in self.pieces():
            found.update(piece)
        return f'"{found.hexdigest()}"'

    def write(self, path: Path) -> None:
        """Write the bytes to *path*, its folders too."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(self.pieces())


def differences(folder: Path, wanted: Mapping[str, Blob]) -> list[str]:
    """Return what of *folder* is not as *wanted*; empty where every byte is right."""
    found = {
        str(path.relative_to(folder)): path
        for path in folder.rglob("*")
        if not path.is_dir()
    }
    lines = [f"{name} is missing" for name in sorted(wanted.keys() - found.keys())]
    lines += [f"{name} is too much" for name in sorted(found.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & found.keys()):
        if digest(found[name]) != wanted[name].sha256:
            lines.append(f"{name} has other bytes")
    return lines


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
