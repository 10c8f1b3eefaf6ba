"""The files of a model on disk, without those of the engine beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from inferry_storage.checking import names

if TYPE_CHECKING:
    from collections.abc import Iterator


def files_in(folder: Path) -> Iterator[str]:
    """Yield the path of each file below *folder*, sorted within each folder."""
    for above, folders, files in os.walk(folder):
        if Path(above) == folder:
            folders[:] = [name for name in folders if not names.is_reserved(name)]
            files[:] = [name for name in files if not names.is_reserved(name)]
        folders.sort()
        for name in sorted(files):
            yield (Path(above) / name).relative_to(folder).as_posix()
