"""A web server of blobs that speaks as much of S3 as a download needs."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from storage.blobs import Blob

_PAGE = 1000
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_MODIFIED = "Sat, 21 Nov 2026 10:00:00 GMT"


class Origin:
    """Serves ``blobs`` by path (``bucket/key``), with ranges, validators and lists.

    A blob may be replaced at any time. Who asks with credentials is not checked.
    ``validates`` off is a server that knows no If-Match; ``single_part`` gives ETags
    that are MD5 digests, as S3 does of what came in one piece.
    """

    def __init__(self, blobs: dict[str, Blob] | None = None) -> None:
        self.blobs = dict(blobs or {})
        self.validates = True
        self.single_part = False
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._server.server_address[1])

    def etag(self, blob: Blob) -> str:
        """Return the validator of *blob*."""
        return blob.md5 if self.single_part else blob.etag

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        origin = self

        class Handler(_Handler):
            served = origin

        return Handler


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that leave."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Origin

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._answer()

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path).strip("/"), parse_qs(parts.query)
        if "list-type" in query:
            self._send(200, _listing(path, self.served, query))
        elif path in self.served.blobs:
            self._blob(self.served.blobs[path])
        else:
            self._send(404, _failure("NoSuchKey"))

    def _blob(self, blob: Blob) -> None:
        etag = self.served.etag(blob)
        wanted = self.headers.get("If-Match", etag)
        if self.served.validates and wanted not in (etag, "*"):
            self._send(412, _failure("PreconditionFailed"))
            return
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        stop = int(found[2]) + 1 if found and found[2] else blob.size
        stop = min(stop, blob.size)
        if found and start >= blob.size:
            self._send(416, _failure("InvalidRange"))
            return
        self.send_response(206 if found else 200)
        if found:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{blob.size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", _MODIFIED)
        self.end_headers()
        if self.command == "GET":
            for piece in blob.pieces(start, stop):
                self.wfile.write(piece)

    def _send(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body.encode())


def _listing(bucket: str, origin: Origin, query: dict[str, list[str]]) -> str:
    """Return one page of ListObjectsV2; its token is the last key of the page."""
    blobs = origin.blobs
    prefix = query.get("prefix", [""])[0]
    after = query.get("continuation-token", query.get("start-after", [""]))[0]
    keys = sorted(
        key
        for path in blobs
        if path.startswith(f"{bucket}/")
        for key in [path.removeprefix(f"{bucket}/")]
        if key.startswith(prefix) and key > after
    )
    folders: set[str] = set()
    if delimiter := query.get("delimiter", [""])[0]:
        inner = {key: key[len(prefix) :].partition(delimiter) for key in keys}
        folders = {prefix + head + sep for head, sep, _ in inner.values() if sep}
        keys = [key for key in keys if not inner[key][1]]
    page, more = keys[:_PAGE], len(keys) > _PAGE
    items = "".join(_item(key, blobs[f"{bucket}/{key}"], origin) for key in page)
    items += "".join(
        f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        for name in sorted(folders)
    )
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"
        f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{items}{token if more else ''}"
        "</ListBucketResult>"
    )


def _item(key: str, blob: Blob, origin: Origin) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><Size>{blob.size}</Size>"
        f"<LastModified>2026-11-21T10:00:00.000Z</LastModified>"
        f"<ETag>{escape(origin.etag(blob))}</ETag><StorageClass>STANDARD</StorageClass>"
        "</Contents>"
    )


def _failure(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
