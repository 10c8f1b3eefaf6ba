"""A proxy between a client and any HTTP server, with the faults of real networks.

It passes bytes on as they are, the Host header too, so that signed requests stay valid.
What it does to an answer is a `Fault`, chosen by a rule; what it does to connections is
`Cuts`, by a seed. It counts the requests and the bytes of the bodies.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Self

if TYPE_CHECKING:
    import ssl
    from io import BufferedReader

_PIECE = 2**18
_BODILESS = (1, 204, 304)
_STARTS_AT = re.compile(r"bytes (\d+)-")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request as it came in; ``number`` counts those with a path that is asked."""

    method: str
    target: str
    headers: Mapping[str, str]
    number: int

    @property
    def body_of(self) -> str:
        """The path if bytes of an object are asked for, else nothing."""
        listing = "list-type" in self.target or self.method != "GET"
        return "" if listing else self.target.partition("?")[0]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one answer; counts are bytes of its body.

    ``status`` answers without asking the server. ``flip`` inverts the byte at that
    place of the object. ``less`` and ``more`` change the length that the answer says
    with the body, ``cut`` and ``stall`` end the body before what was said, ``drip``
    sends a byte at a time, so many seconds apart.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: int | None = None
    drip: float = 0.0
    flip: int | None = None
    less: int = 0
    more: int = 0


Rule = Callable[[Ask], Fault | None]


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """A share of all connections ends after between ``least`` and ``most`` bytes."""

    share: float
    least: int
    most: int
    seed: int = 0


@dataclass(kw_only=True)
class Seen:
    """One request that was answered and how many bytes of a body were sent."""

    ask: Ask
    status: int = 0
    sent: int = 0


class FaultProxy:
    """Listens on 127.0.0.1 for ``upstream`` (host and port) and spoils what it passes.

    ``rule`` may be replaced at any time. ``tell(count, call)`` calls back once, when so
    many bytes of bodies have passed.
    """

    def __init__(
        self,
        upstream: tuple[str, int],
        *,
        rule: Rule | None = None,
        cuts: Cuts | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.rule = rule
        self.seen: list[Seen] = []
        self._asked: Counter[str] = Counter()
        self._upstream, self._cuts, self._tls = upstream, cuts, tls
        self._random = random.Random(cuts.seed if cuts else 0)
        self._lock = threading.Lock()
        self._passed = 0
        self._tell: tuple[int, Callable[[], None]] | None = None
        self._open: set[socket.socket] = set()
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}"

    @property
    def sent(self) -> int:
        """How many bytes of objects it has sent."""
        with self._lock:
            return sum(seen.sent for seen in self.seen if seen.ask.body_of)

    @property
    def bodies(self) -> list[Seen]:
        """The requests for bytes of objects."""
        with self._lock:
            return [seen for seen in self.seen if seen.ask.body_of]

    def tell(self, count: int, call: Callable[[], None]) -> None:
        """Call back when *count* more bytes have passed."""
        with self._lock:
            self._tell = (self._passed + count, call)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            _abort(connection)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # Bytes in the kernel's buffers count as sent: keep them few.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ValueError, _CutError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(self._upstream)
            with self._lock:
                self._open |= {client, server}
            _Connection(self, client, server, self._allowance()).serve()
        _abort(client)

    def _allowance(self) -> int | None:
        """Return after how many bytes the next connection is cut, None for never."""
        cuts = self._cuts
        if cuts is None:
            return None
        with self._lock:
            cut = self._random.random() < cuts.share
            after = self._random.randint(cuts.least, cuts.most)
        return after if cut else None

    def saw(self, method: str, target: str, headers: Mapping[str, str]) -> Seen:
        """Note one request."""
        with self._lock:
            number = self._asked[target]
            self._asked[target] += 1
            ask = Ask(method=method, target=target, headers=headers, number=number)
            self.seen.append(Seen(ask=ask))
            return self.seen[-1]

    def passed(self, seen: Seen, count: int) -> None:
        """Count bytes of a body."""
        with self._lock:
            seen.sent += count
            self._passed += count
            call = None
            if self._tell and self._passed >= self._tell[0]:
                call, self._tell = self._tell[1], None
        if call:
            call()

    def wait(self, seconds: float) -> bool:
        """Wait so long; return whether the proxy was stopped meanwhile."""
        return self._stopped.wait(seconds)


class _CutError(Exception):
    """The connection is to end here, without a word."""


class _Connection:
    """One connection of a client and the one behind it."""

    def __init__(
        self,
        proxy: FaultProxy,
        client: socket.socket,
        server: socket.socket,
        allowance: int | None,
    ) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._allowance = allowance
        self._asking: BufferedReader = client.makefile("rb", _PIECE)
        self._answering: BufferedReader = server.makefile("rb", _PIECE)

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
        fault = (rule(seen.ask) if rule else None) or Fault()
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
        while piece := self._answering.read1(_PIECE):
            self._client.sendall(piece)


def _cut() -> NoReturn:
    raise _CutError


def _abort(connection: socket.socket) -> None:
    """Close *connection* as a lost one is: with a reset, not with an end."""
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


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
        piece = stream.read1(min(left, _PIECE))
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
