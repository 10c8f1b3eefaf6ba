"""A registry of images by any name, as far as pulling without a login goes."""

from __future__ import annotations

import hashlib
import json

from fakes.site import Answer, Asked, Site, ranged

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


class Registry(Site):
    """Serves images by name, all of them with the tag ``1``."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}

    def push(self, name: str, layers: list[bytes]) -> str:
        """Store an image of *layers* and return its URI."""
        described = [self._blob(_LAYER + _packed(data), data) for data in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(_CONFIG, json.dumps({"name": name}).encode()),
            "layers": described,
        }
        self.manifests[name] = json.dumps(manifest).encode()
        return f"oci://localhost:{self.port}/{name}:1"

    def respond(self, asked: Asked) -> Answer:
        parts = asked.path.split("/")
        if asked.path == "/v2/":
            return Answer.json({})
        if parts[-2] == "blobs" and parts[-1] in self.blobs:
            return ranged(asked, self.blobs[parts[-1]])
        name = "/".join(parts[2:-2])
        if parts[-2] == "manifests" and name in self.manifests:
            data = self.manifests[name]
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            headers = {"Content-Type": _MANIFEST, "Docker-Content-Digest": digest}
            return Answer(200, data, headers)
        return Answer(404)

    def _blob(self, kind: str, data: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return {"mediaType": kind, "digest": digest, "size": len(data)}


def _packed(data: bytes) -> str:
    return "+gzip" if data.startswith(b"\x1f\x8b") else ""
