"""An HTTP endpoint that keeps what it gets."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Event(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Endpoint:
    """Answers with ``statuses`` in turn, then 200, after ``delay`` seconds each."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.statuses: list[int] = []
        self.delay = 0.0
        self.url = ""

    def events_of(self, kind: str) -> list[Event]:
        return [e for e in self.events if e.headers["ce-type"].endswith(kind)]


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """Serve an `Endpoint` on a free port."""
    known = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            time.sleep(known.delay)
            status = known.statuses.pop(0) if known.statuses else 200
            if status == 200:
                headers = {k.lower(): v for k, v in self.headers.items()}
                known.events.append(Event(self.path, headers, body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}/in?key=s3cret"
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
