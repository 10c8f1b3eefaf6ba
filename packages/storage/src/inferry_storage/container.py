"""The init container: pull each SRC into its DEST, as KServe's arguments say.

Progress is on stdout, an object of JSON per line; an error is one line on stderr and
the termination message of the pod, and its kind the exit code.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from inferry.errors import InferryError, SettingsError, StorageError
from inferry_storage.events import Events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


_USAGE = "usage: python -m inferry_storage SRC DEST [SRC DEST ...]"
_WRONG_USE = 2
#: Kubernetes' default terminationMessagePath, and how many bytes of it are read.
_MESSAGE = "/dev/termination-log"
_LONGEST = 4096
#: Where a pod says another terminationMessagePath: nothing tells it to a container.
_VARIABLE = "TERMINATION_MESSAGE_PATH"
_STOPPED = "stopped by SIGTERM; the next start goes on where this one was"


def main(arguments: Sequence[str]) -> int:
    """Pull all pairs of *arguments*; return the exit code."""
    if {*arguments[:1]} & {"-h", "--help"}:
        sys.stdout.write(f"{_USAGE}\n")
        return 0
    if wrong := _wrong(arguments):
        return _end(wrong, _WRONG_USE)
    signal.signal(signal.SIGTERM, _stop)
    events = Events(sys.stdout)
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    try:
        asyncio.run(_pull(pairs, events))
    except StorageError as error:
        events.failed(error)
        return _end(str(error), error.exit_code)
    except InferryError as error:
        problems = error.problems if isinstance(error, SettingsError) else ()
        return _end("; ".join((str(error), *problems)), 1)
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


def _end(message: str, code: int) -> int:
    _tell(message)
    return code


def _tell(message: str) -> None:
    line = " ".join(message.split())
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        _write_message(line)


def _write_message(line: str) -> None:
    """Give the pod its termination message, if there is a file for it."""
    path = os.environ.get(_VARIABLE) or _MESSAGE
    # It is never made: on a machine that is no pod /dev is not for this.
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(line.encode("utf-8", "replace")[:_LONGEST])
