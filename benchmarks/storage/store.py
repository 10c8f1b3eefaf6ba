"""The S3 server that everybody downloads from: the SeaweedFS of the tests."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from storage.clients import BUCKET, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def served(folder: Path, cache: Path) -> Iterator[Store]:
    """Run SeaweedFS in *folder*, installed into *cache* where it is missing."""
    from environments import FOLDER
    from storage.servers import KEY, SECRET, seaweed

    os.environ.setdefault(FOLDER, str(cache))
    folder.mkdir(parents=True)
    with seaweed(folder) as started:
        started.make(BUCKET)
        yield Store(endpoint=started.url, key=KEY, secret=SECRET)
