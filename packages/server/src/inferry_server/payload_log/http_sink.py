"""An HTTP endpoint, which gets each message as a CloudEvent in binary mode.

Source: CloudEvents 1.0, HTTP protocol binding, section 3.1.
"""

from __future__ import annotations

import re
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from inferry_server.payload_log.messages import attributes
from inferry_server.payload_log.outbox import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from urllib.parse import SplitResult

    from inferry_server.payload_log.messages import Message, Origin

_TIMEOUT = 10.0
_GOOD = range(200, 300)
_WORTH_A_RETRY = frozenset({408, 425, 429, *range(500, 600)})
_LONGEST_ANSWER = 64 * 1024
# JSON keeps its quotes and spaces, which decoders of events take as they are.
_UNSAFE = re.compile(r"[^\x20-\x24\x26-\x7e]")


class HttpSink:
    """Posts to *url* over one connection that stays open."""

    def __init__(self, url: str, origin: Origin) -> None:
        self._parts = parts = urlsplit(url)
        self._origin = origin
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # Made in the thread that sends: reading certificates takes 20 ms.
        self._connection: HTTPConnection | None = None

    def send(self, messages: Sequence[Message]) -> None:
        """Post each of *messages*."""
        for message in messages:
            try:
                status = self._post(message)
            except (OSError, HTTPException) as error:
                self.close()
                text = f"{self._origin.url}: {type(error).__name__}: {error}"
                raise SinkError(text) from error
            if status not in _GOOD:
                text = f"{self._origin.url} answers {status}"
                raise SinkError(text, again=status in _WORTH_A_RETRY)

    def _post(self, message: Message) -> int:
        headers = {"content-type": message.content_type}
        if message.json_length:
            headers["inference-header-content-length"] = message.json_length
        for name, value in attributes(message, self._origin).items():
            headers[f"ce-{name}"] = _UNSAFE.sub(lambda m: quote(m[0]), value)
        if self._connection is None:
            self._connection = _connection(self._parts, self._origin)
        self._connection.request("POST", self._target, message.body, headers)
        answer = self._connection.getresponse()
        answer.read(_LONGEST_ANSWER)
        if not answer.isclosed():
            self.close()
        return answer.status

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


def _connection(parts: SplitResult, origin: Origin) -> HTTPConnection:
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "http":
        return HTTPConnection(host, timeout=_TIMEOUT)
    context = ssl.create_default_context(cafile=origin.ca_file or None)
    if not origin.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, timeout=_TIMEOUT, context=context)
