"""Responses as bytes, the same that uvicorn writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from inferry_server.http.exchange import CLOSE

if TYPE_CHECKING:
    import asyncio

    from inferry_server.http.exchange import Response

    Headers = list[tuple[bytes, bytes]]

#: Above this, the parts of an answer are not copied into one.
_JOINED = 16 * 1024


class Writer:
    """Writes responses; the headers that each has are put into bytes once a second."""

    def __init__(self) -> None:
        self._usual: Headers = []
        self._lines = b""

    def write(
        self,
        transport: asyncio.Transport,
        response: Response,
        usual: Headers,
        *,
        close: bool,
    ) -> None:
        """Write *response* with the *usual* headers; *close* ends the connection."""
        if usual is not self._usual:
            self._usual = usual
            self._lines = b"".join([b"%b: %b\r\n" % header for header in usual])
        size, more = response.size, response.headers
        head = b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n" % (
            STATUS_LINE[response.status],
            self._lines,
            response.content_type,
            size,
        )
        if more:
            head += b"".join([b"%b: %b\r\n" % header for header in more])
        if close and CLOSE not in more:
            head += b"connection: close\r\n"
        if size > _JOINED:
            transport.writelines([head + b"\r\n", *response.parts])
        else:
            transport.write(b"".join((head, b"\r\n", *response.parts)))
        if close or CLOSE in more:
            transport.close()
