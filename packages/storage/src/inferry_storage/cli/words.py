"""How bytes and times are written for people."""

from __future__ import annotations

import time

_STEP = 1024
_WHOLE = 10
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def amount(count: float) -> str:
    """Return *count* bytes as ``512 B``, ``1.5 MiB``, ``27 GiB``."""
    if count < _STEP:
        return f"{int(count)} B"
    size, power = count / _STEP, 0
    while size >= _STEP and power < len(_UNITS) - 1:
        size, power = size / _STEP, power + 1
    unit = _UNITS[power]
    return f"{size:.0f} {unit}" if size >= _WHOLE else f"{size:.1f} {unit}"


def files(count: int) -> str:
    """Return ``1 file`` or ``12 files``."""
    return f"{count} file" if count == 1 else f"{count} files"


def ago(when: float) -> str:
    """Return how long *when* is ago, as ``3m``."""
    return span(max(0.0, time.time() - when))


def span(seconds: float) -> str:
    """Return a time as ``12s`` or ``3m``."""
    from inferry.cli._output import age

    return age(seconds)
