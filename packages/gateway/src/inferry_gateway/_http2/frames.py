"""The frames that a client sends over HTTP/2 (RFC 9113), each request labelled.

grpc tells a handler neither the ``:authority`` of a call nor, behind a socket of our
own, who the client is. So the header blocks are decoded here and written anew with both
as fields; every other frame passes byte for byte, as far as it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpack import Decoder, HPACKError

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
AUTHORITY = b"inferry-authority"
PEER = b"inferry-peer"

PROTOCOL_ERROR = 0x1
FRAME_SIZE_ERROR = 0x6
COMPRESSION_ERROR = 0x9
ENHANCE_YOUR_CALM = 0xB
HTTP_1_1_REQUIRED = 0xD

_HEADERS = 0x1
_GOAWAY = 0x7
_CONTINUATION = 0x9
_END_STREAM = 0x1
_END_HEADERS = 0x4
_PADDED = 0x8
_PRIORITY = 0x20
_FRAME_HEAD = 9
_PRIORITY_SIZE = 5
_LARGEST_FRAME = 16_384
# The client's encoder may use what the server behind allows; none here allows more.
_LARGEST_TABLE = 64 * 1024
_MANY_CONTINUATIONS = 16
_OWN = frozenset({AUTHORITY, PEER})


class Broken(Exception):
    """The connection cannot go on; ``code`` is what its GOAWAY says."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Labeller:
    """Reads what one client sends after the preface, and returns what is passed on."""

    __slots__ = ("_block", "_buffer", "_decoder", "_limit", "_peer", "_rest")

    def __init__(self, *, peer: bytes, max_header_bytes: int) -> None:
        self._peer = peer
        self._limit = max_header_bytes
        self._decoder = Decoder(max_header_list_size=max_header_bytes)
        self._decoder.max_allowed_table_size = _LARGEST_TABLE
        self._buffer = bytearray()
        self._rest = 0
        self._block: _Block | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return what can be passed on now that *data* came.

        Raises:
            Broken: what came is not HTTP/2, too large, or no gRPC.
        """
        out: list[bytes] = []
        if self._rest and not self._buffer:
            passed = data[: self._rest]
            self._rest -= len(passed)
            out.append(passed)
            data = data[len(passed) :]
        if data:
            self._buffer += data
            while self._frame(out):
                pass
        return out

    def _frame(self, out: list[bytes]) -> bool:
        """Take one frame, or its beginning, from the buffer; say whether that went."""
        buffer = self._buffer
        if len(buffer) < _FRAME_HEAD:
            return False
        size = int.from_bytes(buffer[:3], "big")
        kind, flags = buffer[3], buffer[4]
        stream = bytes(buffer[5:9])
        if kind not in {_HEADERS, _CONTINUATION}:
            if self._block is not None:
                raise Broken(PROTOCOL_ERROR, "a header block is interrupted")
            whole = _FRAME_HEAD + size
            out.append(bytes(buffer[:whole]))
            self._rest = whole - len(out[-1])
            del buffer[:whole]
            return self._rest == 0
        if size > self._limit:
            raise Broken(FRAME_SIZE_ERROR, f"headers larger than {self._limit} bytes")
        if len(buffer) < _FRAME_HEAD + size:
            return False
        payload = bytes(buffer[_FRAME_HEAD : _FRAME_HEAD + size])
        del buffer[: _FRAME_HEAD + size]
        self._headers(kind, flags, stream, payload, out)
        return True

    def _headers(
        self, kind: int, flags: int, stream: bytes, payload: bytes, out: list[bytes]
    ) -> None:
        block = self._block
        if kind == _HEADERS:
            if block is not None:
                raise Broken(PROTOCOL_ERROR, "a header block is interrupted")
            block = self._block = _Block(stream, flags & _END_STREAM)
            payload = _unwrapped(flags, payload)
        elif block is None or block.stream != stream:
            raise Broken(PROTOCOL_ERROR, "a CONTINUATION without its HEADERS")
        block.add(payload)
        if block.size > self._limit or block.frames > _MANY_CONTINUATIONS:
            raise Broken(ENHANCE_YOUR_CALM, f"headers larger than {self._limit} bytes")
        if flags & _END_HEADERS:
            self._block = None
            fields = self._decoded(block)
            out += _written(stream, block.end_stream, self._labelled(fields))

    def _decoded(self, block: _Block) -> list[tuple[bytes, bytes]]:
        try:
            return [
                (name, value)
                for name, value in self._decoder.decode(block.data, raw=True)
            ]
        except HPACKError as error:
            text = f"the headers cannot be read: {error}"
            raise Broken(COMPRESSION_ERROR, text) from None

    def _labelled(
        self, fields: list[tuple[bytes, bytes]]
    ) -> Iterable[tuple[bytes, bytes]]:
        found = dict(fields)
        if b":method" not in found:
            return fields  # trailers: the request began with another block
        if not found.get(b"content-type", b"").startswith(b"application/grpc"):
            text = "over HTTP/2 this gateway speaks gRPC only; use HTTP/1.1"
            raise Broken(HTTP_1_1_REQUIRED, text)
        authority = found.get(b":authority") or found.get(b"host", b"")
        kept = [field for field in fields if field[0] not in _OWN]
        return [*kept, (AUTHORITY, authority), (PEER, self._peer)]


class _Block:
    """A header block, complete when a frame says so."""

    __slots__ = ("_parts", "end_stream", "frames", "size", "stream")

    def __init__(self, stream: bytes, end_stream: int) -> None:
        self.stream = stream
        self.end_stream = end_stream
        self.frames = self.size = 0
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        self._parts.append(part)
        self.size += len(part)
        self.frames += 1

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)


def goaway(code: int, message: str) -> bytes:
    """Return an empty SETTINGS frame and the GOAWAY that ends a connection."""
    text = message.encode()
    payload = bytes(4) + code.to_bytes(4, "big") + text
    return _frame_head(0, 0x4, 0, bytes(4)) + (
        _frame_head(len(payload), _GOAWAY, 0, bytes(4)) + payload
    )


def _unwrapped(flags: int, payload: bytes) -> bytes:
    """Return the part of a header block in a HEADERS frame, without what is around."""
    padding = 0
    if flags & _PADDED:
        if not payload:
            raise Broken(FRAME_SIZE_ERROR, "a padded frame without its length")
        padding, payload = payload[0], payload[1:]
    if flags & _PRIORITY:
        if len(payload) < _PRIORITY_SIZE:
            raise Broken(FRAME_SIZE_ERROR, "a priority that is cut")
        payload = payload[_PRIORITY_SIZE:]
    if padding > len(payload):
        raise Broken(PROTOCOL_ERROR, "more padding than payload")
    return payload[: len(payload) - padding]


def _written(
    stream: bytes, end_stream: int, fields: Iterable[tuple[bytes, bytes]]
) -> list[bytes]:
    """Return frames for *fields*, all literal: what we write needs no shared state."""
    block = b"".join(_literal(name, value) for name, value in fields)
    pieces = [
        block[start : start + _LARGEST_FRAME]
        for start in range(0, len(block), _LARGEST_FRAME)
    ]
    out = []
    for index, piece in enumerate(pieces):
        kind = _CONTINUATION if index else _HEADERS
        flags = 0 if index else end_stream
        if index == len(pieces) - 1:
            flags |= _END_HEADERS
        out += [_frame_head(len(piece), kind, flags, stream), piece]
    return out


def _frame_head(size: int, kind: int, flags: int, stream: bytes) -> bytes:
    return size.to_bytes(3, "big") + bytes((kind, flags)) + stream


def _literal(name: bytes, value: bytes) -> bytes:
    """Return a literal field without indexing (RFC 7541, 6.2.2)."""
    return b"\0" + _length(len(name)) + name + _length(len(value)) + value


def _length(number: int) -> bytes:
    """Return an integer with a prefix of seven bits (RFC 7541, 5.1)."""
    if number < 0x7F:  # noqa: PLR2004
        return bytes((number,))
    out = bytearray((0x7F,))
    number -= 0x7F
    while number >= 0x80:  # noqa: PLR2004
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
