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
    """Writes responses; what each of them begins with is put together once a second."""

    def __init__(self) -> None:
        self._usual: Headers = []
        #: Status and content type -> the head up to the length.
        self._heads: dict[tuple[int, bytes], bytes] = {}

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
            self._heads.clear()
        key = (response.status, response.content_type)
        begin = self._heads.get(key) or self._head(*key)
        size, more = response.size, response.headers
        rest = b"%d\r\n" % size
        if more:
            rest += b"".join([b"%b: %b\r\n" % header for header in more])
        if close and CLOSE not in more:
            rest += b"connection: close\r\n"
        if size > _JOINED:
            head = b"".join((begin, rest, b"\r\n"))
            transport.writelines([head, *response.parts])
        else:
            transport.write(b"".join((begin, rest, b"\r\n", *response.parts)))
        if close or CLOSE in more:
            transport.close()

    def _head(self, status: int, content_type: bytes) -> bytes:
        usual = b"".join([b"%b: %b\r\n" % header for header in self._usual])
        head = b"%b%bcontent-type: %b\r\ncontent-length: " % (
            STATUS_LINE[status],
            usual,
            content_type,
        )
        self._heads[status, content_type] = head
        return head
