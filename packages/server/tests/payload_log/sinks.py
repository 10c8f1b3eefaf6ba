"""An HTTP endpoint that keeps what it gets."""

from __future__ import annotations

import ipaddress
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
def endpoint(
    certificate: Path | None = None, *, version: str = "HTTP/1.1", patience: float = 60
) -> Iterator[Endpoint]:
    """Serve an `Endpoint` on a free port; over TLS with *certificate* and its key.

    It closes a connection that is idle for *patience* seconds.
    """
    known = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = version
        timeout = patience

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

    with serving(Handler, certificate) as url:
        known.url = f"{url}/in?key=s3cret"
        yield known


@contextmanager
def bucket() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve the part of S3 that puts objects; gives its address and the objects."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            exists = self.path in objects and self.headers["if-none-match"] == "*"
            if not exists:
                objects[self.path] = body
            self.send_response(412 if exists else 200)
            self.send_header("etag", '"1"')
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with serving(Handler) as url:
        yield url, objects


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], certificate: Path | None = None
) -> Iterator[str]:
    """Serve *handler* on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    scheme = "http"
    if certificate is not None:
        scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_certificate(path: Path) -> Path:
    """Write a certificate of 127.0.0.1 that nobody signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + secret)
    return path
