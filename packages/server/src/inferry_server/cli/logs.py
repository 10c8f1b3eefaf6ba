"""One line per event, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
import time

from inferry_server.calls import CURRENT


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00Z INFO inferry_server.models: model m is ready``."""

    converter = staticmethod(time.gmtime)
    default_msec_format = ""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ"
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; the lines of a traceback stand indented below it."""
        first, *more = super().format(record).splitlines() or [""]
        return "\n    ".join([first, *more])


class JsonFormatter(logging.Formatter):
    """One JSON object per line; a traceback is one of its strings."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        event = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_of_the_request(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def _of_the_request() -> dict[str, str]:
    """Return the ids of the request that is worked for, where that is known."""
    call = CURRENT.get()
    if call is None:
        return {}
    ids = {"request_id": call.id}
    if call.trace is not None:
        ids |= call.trace.ids
    return ids


def set_up(level: str, form: str) -> None:
    """Send the log of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
