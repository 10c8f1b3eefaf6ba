"""Fetch one URI into the cache, as `inferry run` does; print path and seconds.

``imports`` is until everything is imported that a caller imports, ``all`` until the
path is known, and ``again`` what a second fetch in the same process takes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

_BEGAN = time.perf_counter()


async def main(uri: str) -> None:
    """Fetch *uri* and print what was found."""
    from inferry.config import load_settings
    from inferry.errors import StorageError
    from inferry.plugins import load_plugins
    from inferry.storage import Source
    from inferry_storage import fetch

    settings = load_settings()
    plugins = load_plugins("local", settings, only=["storage"])
    imported = time.perf_counter()
    source = Source(uri=uri)
    try:
        path = await fetch(source, plugins=plugins, settings=settings)
        fetched = time.perf_counter()
        await fetch(source, plugins=plugins, settings=settings)
    except StorageError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    found = {
        "path": str(path),
        "imports": imported - _BEGAN,
        "all": fetched - _BEGAN,
        "again": time.perf_counter() - fetched,
    }
    print(json.dumps(found))  # noqa: T201 - what the caller reads


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
