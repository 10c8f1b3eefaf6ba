"""A threaded web server that answers by a method, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


@dataclass
class Asked:
    """A request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def raw_path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        values = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: value[0] for name, value in values.items()}


@dataclass
class Answer:
    """A response; after *cut* bytes of its body the connection closes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Self:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(
            status,
            json.dumps(value).encode(),
            {"Content-Type": "application/json", **named},
        )


def ranged(asked: Asked, data: bytes, **headers: str) -> Answer:
    """Answer with the bytes of *data* that were asked for."""
    said = asked.headers.get("range", "")
    if not said:
        return Answer(200, data, headers)
    first, _, last = said.removeprefix("bytes=").partition("-")
    start, end = int(first), int(last) + 1 if last else len(data)
    if start >= len(data):
        return Answer(416)
    part = data[start:end]
    place = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
    return Answer(206, part, {"Content-Range": place, **headers})


class Site:
    """Answers by `respond`; ``faults`` come first and are used up one by one."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Callable[[Asked], Answer | None]] = []
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._class())
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True
            )
        self.scheme = "https" if context else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    def respond(self, asked: Asked) -> Answer:
        """Answer 404; kinds of sites know more."""
        del asked
        return Answer(404)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            fault = self.faults.pop(0) if self.faults else None
        return (fault(asked) if fault else None) or self.respond(asked)

    def _class(self) -> type[http.server.BaseHTTPRequestHandler]:
        site = self

        class Answering(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with contextlib.suppress(ConnectionError):
                    size = int(self.headers.get("Content-Length", "0"))
                    headers = {
                        name.lower(): each for name, each in self.headers.items()
                    }
                    body = self.rfile.read(size)
                    self._send(
                        site._answer(Asked(self.command, self.path, headers, body))
                    )

            do_HEAD = do_GET  # noqa: N815 - named by http.server
            do_POST = do_GET  # noqa: N815 - named by http.server

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body[: answer.cut])
                self.close_connection = answer.cut is not None

            def log_message(self, *_: Any) -> None:
                pass

        return Answering
