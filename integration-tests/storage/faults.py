"""A proxy between a client and any HTTP server, with the faults of real networks.

It passes bytes on as they are, the Host header too, so that signed requests stay valid.
What it does to an answer is a `Fault`, chosen by a rule; what it does to connections is
`Cuts`, by a seed. It counts the requests and the bytes of the bodies.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from storage.relay import PIECE, CutError, Relay

if TYPE_CHECKING:
    import ssl


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
    many bytes of bodies have passed. ``cut`` counts the connections that `Cuts` ended.
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
        self.cut = 0
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
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ValueError, CutError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(self._upstream)
            with self._lock:
                self._open |= {client, server}
            Relay(self, client, server, self._allowance(), Fault()).serve()
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


def _abort(connection: socket.socket) -> None:
    """Close *connection* as a lost one is: with a reset, not with an end."""
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
