"""Bytes and times, as they are given on a command line."""

from __future__ import annotations

import re

import click

_STEP = 1024
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?)B?", re.IGNORECASE)
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Amount(click.ParamType[int]):
    """Bytes on a command line: ``500MB``, ``20GiB``, ``1024``."""

    name = "bytes"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """Return the bytes that *value* says."""
        found = _AMOUNT.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no number of bytes, such as 20GiB", param, ctx)
        step = _STEP if found[2] and found[3] else 1000
        power = "KMGTP".index(found[2].upper()) + 1 if found[2] else 0
        return int(float(found[1]) * step**power)


class Length(click.ParamType[float]):
    """A length of time on a command line: ``90s``, ``12h``, ``7d``."""

    name = "time"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds that *value* says."""
        found = _LENGTH.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no length of time, such as 7d", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]
