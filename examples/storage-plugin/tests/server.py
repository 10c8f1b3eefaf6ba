"""A web server that lists its folders as nginx's autoindex does."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "letmein-4711"


class WebServer:
    """Serves trees below names; those in ``cut`` lose the end of every body."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()

        class Handler(_Handler):
            server_of = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def put(self, name: str, tree: Mapping[str, bytes]) -> str:
        """Store *tree* in place of what had that name; return its URI."""
        kept = {k: v for k, v in self.files.items() if not k.startswith(f"{name}/")}
        self.files = kept | {f"{name}/{path}": data for path, data in tree.items()}
        self.files.setdefault(f"{name}/", b"")
        return f"index+http://127.0.0.1:{self._server.server_port}/{quote(name)}"

    def listed(self, folder: str) -> list[dict[str, str]] | None:
        """Return what is in *folder*, None if it is not there."""
        below = [k[len(folder) :] for k in self.files if k.startswith(folder)]
        if not below:
            return None
        found = {}
        for path in filter(None, below):
            head, _, rest = path.partition("/")
            # A server may also list names that no folder of its own could have.
            inside = head and rest and ".." not in path
            found[head if inside else path] = "directory" if inside else "file"
        return [{"name": name, "type": kind} for name, kind in found.items()]

    def stop(self) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: WebServer

    def do_GET(self) -> None:
        path = unquote(self.path).removeprefix("/")
        here = self.server_of
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(401, b"")
        elif path.endswith("/"):
            listed = here.listed(path)
            self._send(404 if listed is None else 200, json.dumps(listed).encode())
        elif path in here.files:
            self._send_file(here.files[path], cut=path.split("/")[0] in here.cut)
        else:
            self._send(404, b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send_file(self, data: bytes, *, cut: bool) -> None:
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        if self.headers.get("If-Match", etag) != etag:
            self._send(412, b"")
            return
        more = {"ETag": etag, "Accept-Ranges": "bytes"}
        status = 200
        if asked := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            first, last = int(asked[1]), int(asked[2])
            more["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data, status = data[first : last + 1], 206
        self._send(status, data, more, cut=cut)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut

    def log_message(self, *_: object) -> None:
        pass
