"""An image registry of a test's own making, for answers that no real one gives."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Handler, WebServer

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
TITLE = "org.opencontainers.image.title"
NAME = "team/model"


class FakeRegistry:
    """Serves one repository from *web*; with ``token`` only to those who have it."""

    def __init__(self, web: WebServer) -> None:
        self.web = web
        self.address = web.url("").partition("://")[2]
        self.token = ""
        self.challenge = f'Bearer realm="{web.url("/token")}",service="reg"'
        self.asked: list[dict[str, str]] = []

    def uri(self, version: str = ":1") -> str:
        return f"oci://{self.address}/{NAME}{version}"

    def put(self, path: str, data: bytes, kind: str, **headers: str) -> None:
        """Answer ``/v2/<name>/<path>`` with *data*."""

        def answer(handler: Handler) -> None:
            self.asked.append(dict(handler.headers))
            given = handler.headers.get("Authorization", "")
            if self.token and given != f"Bearer {self.token}":
                self._challenge(handler)
            else:
                self._send(handler, data, kind, headers)

        self.web.routes[f"/v2/{NAME}/{path}"] = answer

    def blob(self, data: bytes, kind: str = LAYER, **notes: str) -> dict[str, Any]:
        """Serve a blob and return its descriptor."""
        digest = digest_of(data)
        self.put(f"blobs/{digest}", data, "application/octet-stream")
        found = {"mediaType": kind, "digest": digest, "size": len(data)}
        return {**found, "annotations": notes} if notes else found

    def file(self, path: str, data: bytes) -> dict[str, Any]:
        """Serve a file of an artifact and return its descriptor."""
        return self.blob(data, "application/octet-stream", **{TITLE: path})

    def manifest(
        self, content: dict[str, Any] | bytes, version: str = "1", **headers: str
    ) -> dict[str, Any]:
        """Serve a manifest by a tag and by its digest; return its descriptor."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        kind = headers.pop("kind", IMAGE)
        if not isinstance(content, bytes):
            kind = str(content.get("mediaType", kind))
        digest = digest_of(body)
        for each in (version, digest):
            self.put(f"manifests/{each}", body, kind, **headers)
        return {"mediaType": kind, "digest": digest, "size": len(body)}

    def serve_token(self, token: str = "good") -> list[tuple[str, str, bytes]]:
        """Give *token* to whoever asks; return what was asked: path, login, body."""
        asked: list[tuple[str, str, bytes]] = []

        def answer(handler: Handler) -> None:
            length = int(handler.headers.get("Content-Length", "0"))
            login = handler.headers.get("Authorization", "")
            asked.append((handler.path, login, handler.rfile.read(length)))
            body = json.dumps({"token": token}).encode()
            self._send(handler, body, "application/json", {})

        self.web.routes["/token"] = answer
        return asked

    def _send(
        self, handler: Handler, data: bytes, kind: str, headers: dict[str, str]
    ) -> None:
        start, _, last = handler.headers.get("Range", "bytes=0-")[6:].partition("-")
        part = data[int(start) : int(last) + 1 if last else None]
        ranged = "Range" in handler.headers
        handler.send_response(206 if ranged else 200)
        handler.send_header("Content-Length", str(len(part)))
        handler.send_header("Content-Type", kind)
        if ranged:
            told = f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}"
            handler.send_header("Content-Range", told)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(part)

    def _challenge(self, handler: Handler) -> None:
        handler.send_response(401)
        handler.send_header("WWW-Authenticate", self.challenge)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def artifact(*files: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of an artifact, as ORAS writes it."""
    empty = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": digest_of(b"{}"),
        "size": 2,
    }
    return {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": empty,
        "layers": list(files),
    }


def image(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the manifest of an image."""
    config = {"mediaType": CONFIG, "digest": digest_of(b"{}"), "size": 2}
    found = {"schemaVersion": 2, "mediaType": IMAGE, "config": config}
    return {**found, "layers": list(layers), **more}
