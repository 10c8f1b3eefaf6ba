"""What httpx and httpcore log, without what may be secret.

httpx tells whole URLs at the level of information, and a signature is a part of one;
httpcore tells the headers of answers, into which a server may write what it was sent.
"""

from __future__ import annotations

import logging

from inferry.storage import shown_uri

_HTTPCORE = ("connection", "http11", "http2", "proxy", "socks")
_RESULT = " return_value="


class _Shown(logging.Filter):
    """Lets every record pass, some of them shortened."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "httpx" and isinstance(record.args, tuple):
            record.args = tuple(
                shown_uri(str(each)) if "://" in str(each) else each
                for each in record.args
            )
            record.msg, record.args = _without_phrase(str(record.msg), record.args)
        elif isinstance(record.msg, str):
            record.msg = record.msg.partition(_RESULT)[0]
        return True


_SHOWN = _Shown()


def hush() -> None:
    """Shorten what the two libraries log in this process; doing it twice is fine."""
    logging.getLogger("httpx").addFilter(_SHOWN)
    for name in _HTTPCORE:
        logging.getLogger(f"httpcore.{name}").addFilter(_SHOWN)


def _without_phrase(
    message: str, args: tuple[object, ...]
) -> tuple[str, tuple[object, ...]]:
    """Leave out the words beside a status, which are the server's."""
    if message.endswith(' %d %s"') and args:
        return message.removesuffix(' %s"') + '"', args[:-1]
    return message, args
