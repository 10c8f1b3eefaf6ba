"""The init container: pull each SRC into its DEST, as KServe's arguments say.

Progress is on stdout, an object of JSON per line; an error is one line on stderr and
the termination message of the pod, behind its reason, and its kind the exit code.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from inferry.errors import InferryError, SettingsError, StorageError
from inferry.status import Reason, write_termination
from inferry_storage.events import Events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


_USAGE = "usage: python -m inferry_storage SRC DEST [SRC DEST ...]"
_WRONG_USE = 2
_STOPPED = "stopped by SIGTERM; the next start goes on where this one was"


def main(arguments: Sequence[str]) -> int:
    """Pull all pairs of *arguments*; return the exit code."""
    if {*arguments[:1]} & {"-h", "--help"}:
        sys.stdout.write(f"{_USAGE}\n")
        return 0
    if wrong := _wrong(arguments):
        return _end(wrong, _WRONG_USE, Reason.StorageFailed)
    signal.signal(signal.SIGTERM, _stop)
    events = Events(sys.stdout)
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    try:
        asyncio.run(_pull(pairs, events))
    except StorageError as error:
        events.failed(error)
        return _end(error.message, error.exit_code, error.reason, error.remedy)
    except InferryError as error:
        problems = error.problems if isinstance(error, SettingsError) else ()
        return _end("; ".join((str(error), *problems)), 1, Reason.StorageFailed)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _wrong(arguments: Sequence[str]) -> str:
    """Say what is wrong with them; of two in one folder the second would stay alone."""
    destinations = arguments[1::2]
    if not arguments or len(arguments) % 2:
        return _USAGE
    if not all(destinations):
        return f"a DEST is empty; {_USAGE}"
    places = Counter(os.path.realpath(each) for each in destinations)
    twice = next((place for place, count in places.items() if count > 1), "")
    return f"two SRC have the DEST {twice}; give each a folder of its own" * bool(twice)


async def _pull(pairs: Sequence[tuple[str, str]], events: Events) -> None:
    from inferry.config import load_settings
    from inferry.plugins import load_plugins
    from inferry.storage import Source
    from inferry_storage.fetching.pulling import pull

    settings = load_settings()
    plugins = load_plugins("cli", settings)
    for uri, destination in pairs:
        fetched = await pull(
            Source(uri=uri),
            Path(destination),
            plugins=plugins,
            settings=settings,
            on_progress=events.progress,
        )
        events.done(fetched)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End at once: a kill is no different, and what is written can be gone on from."""
    _tell(_STOPPED)
    os._exit(128 + number)


def _end(message: str, code: int, reason: str, remedy: str = "") -> int:
    _tell(message, reason, remedy)
    return code


def _tell(message: str, reason: str = "", remedy: str = "") -> None:
    line = f"{message.rstrip('.')}; {remedy}" if remedy else message
    sys.stderr.write(f"{' '.join(line.split())}\n")
    sys.stderr.flush()
    write_termination(reason, message, remedy)
