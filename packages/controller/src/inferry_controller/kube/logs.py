"""Log lines that machines read: one JSON object each, with what was reconciled.

The names of the fields are those of controller-runtime's JSON logger.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_LEVELS = {"WARNING": "warn", "CRITICAL": "fatal"}
_bound: ContextVar[tuple[str, object, str] | None] = ContextVar("bound", default=None)


@contextlib.contextmanager
def bound(controller: str, key: object) -> Iterator[None]:
    """Have every line that is written inside say which object it is about."""
    token = _bound.set((controller, key, ""))
    try:
        yield
    finally:
        _bound.reset(token)


def fields() -> dict[str, str]:
    """Return what the lines written here are about."""
    found = _bound.get()
    if found is None:
        return {}
    controller, key, identity = found
    if not identity:
        # Made only where a line is written, and then kept for the next ones.
        identity = uuid.uuid4().hex
        _bound.set((controller, key, identity))
    about = {"controller": controller, "reconcileID": identity}
    if isinstance(key, tuple) and len(key) == 2:  # noqa: PLR2004 - namespace and name
        return {**about, "namespace": str(key[0]), "name": str(key[1])}
    return {**about, "name": str(key)}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        when = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "level": _LEVELS.get(record.levelname, record.levelname.lower()),
            "ts": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "logger": record.name,
            "msg": record.getMessage(),
            **fields(),
        }
        if record.exc_info:
            line["stacktrace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as a line for people, with what it is about behind."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        text = super().format(record)
        about = fields()
        if not about:
            return text
        where = "/".join(about[k] for k in ("namespace", "name") if about.get(k))
        first, *rest = text.split("\n")
        return "\n".join([f"{first} [{about['controller']} {where}]", *rest])


def configure(
    level: str = "info", *, style: str = "json", to: TextIO | None = None
) -> None:
    """Send what the process logs to *to* (standard error) as ``json`` or ``text``."""
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The official client tells at debug which user of a kubeconfig it reads, and how.
    logging.getLogger("kubernetes").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
