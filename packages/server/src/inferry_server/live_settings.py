"""What can be changed while the server runs: which traces and logs are written.

The values are kept as Triton's clients write and read them.
Source: Triton, "Trace Extension" and "Logging Extension".
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput
from inferry_server.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = str | list[str]

_LEVELS = ("OFF", "TIMESTAMPS", "TENSORS")
_NUMBERS = {"trace_rate": 1, "trace_count": -1, "log_frequency": 0}
_LOGGER = "inferry_server"
_FLAGS = ("log_error", "log_info", "log_warning")
_FORMATS = ("default", "ISO8601")
_SILENT = logging.CRITICAL + 1


class TraceSettings:
    """Whether requests are traced, for all models and for each; *on* is the start.

    They have an effect where the server was started with tracing.
    """

    def __init__(self, *, on: bool) -> None:
        self._start: dict[str, Value] = {
            "trace_level": ["TIMESTAMPS" if on else "OFF"],
            "trace_rate": "1",
            "trace_count": "-1",
            "log_frequency": "0",
            "trace_file": "",
            "trace_mode": "opentelemetry",
        }
        self._all = dict(self._start)
        self._models: dict[str, dict[str, Value]] = {}
        self._seen: dict[str, int] = {}

    def of(self, model: str = "") -> dict[str, Value]:
        """Return the settings of *model*; those for all where it is empty."""
        return self._all | self._models.get(model, {})

    def wants(self, model: str) -> bool:
        """Say whether the request for *model* that begins now is traced; count it."""
        own = self._models.get(model, {})
        if (own.get("trace_level") or self._all["trace_level"]) == ["OFF"]:
            return False
        # A model that has no settings of its own shares the turns of all: names that
        # clients invent are not kept.
        at = model if own else ""
        seen = self._seen[at] = self._seen.get(at, -1) + 1
        if seen % int(str(own.get("trace_rate") or self._all["trace_rate"])):
            return False
        counted = own if "trace_count" in own else self._all
        left = int(str(counted["trace_count"]))
        if left > 0:
            counted["trace_count"] = str(left - 1)
        return left != 0

    def change(self, model: str, changes: Mapping[str, object]) -> None:
        """Change the settings of *model*, or those for all; None sets one back.

        Raises:
            InvalidInput: An unknown setting or value; then nothing is changed.
            Unsupported: A file to write to.

        """
        read = {name: _trace_value(name, value) for name, value in changes.items()}
        own = self._models.setdefault(model, {}) if model else self._all
        for name, value in read.items():
            if value is not None:
                own[name] = value
            elif model:
                own.pop(name, None)
            else:
                own[name] = self._start[name]


def _trace_value(name: str, value: object) -> Value | None:
    if name == "trace_file" and value:
        raise Unsupported(
            "trace_file cannot be set: traces go where the server was told to export "
            "them"
        )
    known = name in _NUMBERS or name in ("trace_file", "trace_level", "trace_mode")
    if not known:
        raise InvalidInput(f"there is no trace setting {name[:100]!r}")
    if value is None:
        return None
    if name in _NUMBERS:
        return _number(name, value)
    if name == "trace_level":
        return _level(value)
    if name == "trace_mode" and value != "opentelemetry":
        raise InvalidInput("trace_mode can only be 'opentelemetry' here")
    return str(value)


def _number(name: str, value: object) -> str:
    text = str(value)
    try:
        number = int(text) if len(text) < 20 and type(value) is not bool else None  # noqa: PLR2004 - int64
    except ValueError:
        number = None
    least = min(_NUMBERS[name], 0) if name != "trace_rate" else 1
    if number is None or number < least:
        raise InvalidInput(f"Unable to parse {name!r}, got: {text[:100]}")
    return str(number)


def _level(value: object) -> list[str]:
    levels = [value] if isinstance(value, str) else value
    if not isinstance(levels, list) or not all(level in _LEVELS for level in levels):
        raise InvalidInput(
            f"trace_level is {str(value)[:100]!r}, expected a list of "
            f"{', '.join(_LEVELS)}"
        )
    chosen = [level for level in dict.fromkeys(levels) if level != "OFF"]
    return chosen or ["OFF"]


class LogSettings:
    """What the server logs; a change sets the level of its logger."""

    def __init__(self) -> None:
        logger = logging.getLogger(_LOGGER)
        self._values: dict[str, Any] = {
            "log_file": "",
            "log_info": logger.isEnabledFor(logging.INFO),
            "log_warning": logger.isEnabledFor(logging.WARNING),
            "log_error": logger.isEnabledFor(logging.ERROR),
            "log_verbose_level": int(logger.isEnabledFor(logging.DEBUG)),
            "log_format": "default",
        }

    def values(self) -> dict[str, Any]:
        """Return all settings."""
        return dict(self._values)

    def change(self, changes: Mapping[str, object]) -> None:
        """Change settings.

        Raises:
            InvalidInput: An unknown setting or value; then nothing is changed.
            Unsupported: A file to write to.

        """
        for name, value in changes.items():
            _check_log(name, value)
        self._values |= changes
        logging.getLogger(_LOGGER).setLevel(self._level())

    def _level(self) -> int:
        if self._values["log_verbose_level"]:
            return logging.DEBUG
        for name, level in (
            ("log_info", logging.INFO),
            ("log_warning", logging.WARNING),
            ("log_error", logging.ERROR),
        ):
            if self._values[name]:
                return level
        return _SILENT


def _check_log(name: str, value: object) -> None:
    if name == "log_file":
        if value:
            raise Unsupported(
                "log file location can not be updated through network protocol"
            )
        fits = value == ""
    elif name in _FLAGS:
        fits = isinstance(value, bool)
    elif name == "log_verbose_level":
        fits = type(value) is int and 0 <= value < 2**31
    elif name == "log_format":
        fits = value in _FORMATS
    else:
        raise InvalidInput(f"there is no log setting {name[:100]!r}")
    if not fits:
        raise InvalidInput(f"the log setting {name!r} cannot be {str(value)[:100]!r}")
