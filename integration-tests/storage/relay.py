"""One connection through the fault proxy: requests there, spoilt answers back."""

from __future__ import annotations

import contextlib
import io
import re
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from io import BufferedReader

    from storage.faults import Fault, FaultProxy, Seen

#: The most bytes that are passed on at a time.
PIECE = 2**18
_BODILESS = (1, 204, 304)
_STARTS_AT = re.compile(r"bytes (\d+)-")


class CutError(Exception):
    """The connection is to end here, without a word."""


class Relay:
    """One connection of a client and the one behind it."""

    def __init__(
        self,
        proxy: FaultProxy,
        client: socket.socket,
        server: socket.socket,
        allowance: int | None,
        none: Fault,
    ) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._allowance, self._none = allowance, none
        self._asking = _buffered(client)
        self._answering = _buffered(server)

    def serve(self) -> None:
        """Pass requests on until one side closes."""
        try:
            while self._one():
                pass
        finally:
            self._asking.close()
            self._answering.close()
            self._server.close()

    def _one(self) -> bool:
        first, headers, raw = _head(self._asking)
        if not first:
            return False
        method, target, _ = first.split(" ", 2)
        seen = self._proxy.saw(method, target, headers)
        rule = self._proxy.rule
        fault = (rule(seen.ask) if rule else None) or self._none
        if fault.status:
            _drop(self._asking, headers)
            self._refuse(seen, fault)
            return True
        self._server.sendall(raw)
        for piece in _pieces(self._asking, int(headers.get("content-length", 0))):
            self._server.sendall(piece)
        return self._answer(seen, fault)

    def _refuse(self, seen: Seen, fault: Fault) -> None:
        seen.status = fault.status
        lines = [f"HTTP/1.1 {fault.status} Fault", "Content-Length: 0"]
        lines += [f"{name}: {value}" for name, value in fault.headers.items()]
        self._client.sendall("\r\n".join([*lines, "", ""]).encode())

    def _answer(self, seen: Seen, fault: Fault) -> bool:
        first, headers, raw = _head(self._answering)
        if not first:
            return False
        seen.status = int(first.split(" ", 2)[1])
        length = headers.get("content-length")
        if seen.ask.method == "HEAD" or seen.status in _BODILESS:
            length = "0"
        elif length is not None and (fault.less or fault.more):
            headers["content-length"] = str(int(length) - fault.less + fault.more)
            raw = _rewritten(first, headers)
        if fault.headers:
            raw = _rewritten(first, headers | _lower(fault.headers))
        self._client.sendall(raw)
        if length is None:
            self._unmeasured(chunked="transfer-encoding" in headers)
            return "transfer-encoding" in headers
        self._body(seen, fault, int(length), _offset(headers))
        return headers.get("connection", "").lower() != "close"

    def _body(self, seen: Seen, fault: Fault, length: int, start: int) -> None:
        at = 0
        for piece in _pieces(self._answering, length):
            part = _flipped(piece, start + at, fault.flip)
            part = part[: max(0, length - fault.less - at)]
            at += len(piece)
            self._send(seen, fault, part)
        if fault.more:
            self._send(seen, fault, bytes(fault.more))

    def _send(self, seen: Seen, fault: Fault, data: bytes) -> None:
        """Send *data* as far as the fault and the connection's allowance let it."""
        for limit, end in ((fault.cut, _cut), (fault.stall, self._stall)):
            if limit is not None and seen.sent + len(data) >= limit:
                self._write(seen, data[: max(0, limit - seen.sent)])
                end()
        if not fault.drip:
            self._write(seen, data)
            return
        for byte in data:
            self._write(seen, bytes([byte]))
            if self._proxy.wait(fault.drip):
                _cut()

    def _write(self, seen: Seen, data: bytes) -> None:
        allowance = self._allowance
        if allowance is not None and len(data) >= allowance:
            self._client.sendall(data[:allowance])
            self._proxy.passed(seen, allowance)
            self._proxy.cut += 1
            _cut()
        if allowance is not None:
            self._allowance = allowance - len(data)
        self._client.sendall(data)
        self._proxy.passed(seen, len(data))

    def _stall(self) -> None:
        """Send nothing more until the client leaves or the proxy stops."""
        until = time.monotonic() + 120
        self._client.settimeout(0.1)
        while time.monotonic() < until and not self._proxy.wait(0.05):
            with contextlib.suppress(TimeoutError):
                if not self._client.recv(1):
                    break
        _cut()

    def _unmeasured(self, *, chunked: bool) -> None:
        """Pass on a body whose length the answer does not say."""
        while chunked:
            line = self._answering.readline()
            size = int(line.partition(b";")[0] or b"0", 16)
            self._client.sendall(line + self._answering.read(size))
            self._client.sendall(self._answering.readline())
            if not size:
                return
        while piece := self._answering.read1(PIECE):
            self._client.sendall(piece)


def _buffered(connection: socket.socket) -> BufferedReader:
    stream = connection.makefile("rb", PIECE)
    assert isinstance(stream, io.BufferedReader)
    return stream


def _cut() -> NoReturn:
    raise CutError


def _head(stream: BufferedReader) -> tuple[str, dict[str, str], bytes]:
    """Read up to the empty line; return first line, headers in lower case, and all."""
    raw = first = stream.readline()
    headers: dict[str, str] = {}
    while first and (line := stream.readline()):
        raw += line
        if not line.strip():
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return first.decode("latin-1").strip(), headers, raw


def _rewritten(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _pieces(stream: BufferedReader, length: int) -> Iterator[bytes]:
    left = length
    while left:
        piece = stream.read1(min(left, PIECE))
        if not piece:
            _cut()
        left -= len(piece)
        yield piece


def _drop(stream: BufferedReader, headers: Mapping[str, str]) -> None:
    for _ in _pieces(stream, int(headers.get("content-length", 0))):
        pass


def _offset(headers: Mapping[str, str]) -> int:
    found = _STARTS_AT.match(headers.get("content-range", ""))
    return int(found[1]) if found else 0


def _flipped(piece: bytes, start: int, flip: int | None) -> bytes:
    if flip is None or not start <= flip < start + len(piece):
        return piece
    at = flip - start
    return piece[:at] + bytes([piece[at] ^ 0xFF]) + piece[at + 1 :]
