"""What to say of bytes that are no HTTP/1.1: most often another protocol's."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)

#: How the connections of other protocols begin, each with what to do about it.
_OTHERS = {
    b"PRI * HTTP/2": "this port speaks HTTP/1.1; gRPC is on the port of --grpc_port",
    b"\x16\x03": "this port speaks HTTP without TLS, which ends at a proxy before it",
}
_UNREADABLE = "the request is no HTTP/1.1"


class Unreadable:
    """Tells clients, and the log once of each protocol: its clients read no answer."""

    def __init__(self) -> None:
        self._told: set[bytes] = set()

    def why(self, data: bytes) -> str:
        """Return why *data* cannot be read."""
        for start, text in _OTHERS.items():
            if data.startswith(start):
                if start not in self._told:
                    self._told.add(start)
                    logger.warning("a client speaks another protocol: %s", text)
                return text
        return _UNREADABLE
