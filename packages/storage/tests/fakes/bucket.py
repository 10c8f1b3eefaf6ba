"""A server of one bucket that speaks as much of S3 as reading needs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from fakes.site import Answer, Asked, Site, ranged

if TYPE_CHECKING:
    import ssl

#: S3's own encryption, under which an ETag is still an MD5.
SSE_S3 = {"x-amz-server-side-encryption": "AES256"}
_PAGE = 3
_MODIFIED = "Sat, 21 Nov 2026 10:00:00 GMT"


def refused(status: int, code: str, more: str = "") -> Answer:
    """Answer as S3 does when it does not want to."""
    body = f"<Error><Code>{code}</Code><Message>SECRET-MESSAGE</Message>{more}</Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


class Bucket(Site):
    """Serves ``objects`` by key in the bucket ``models``, three to a page.

    ``encryption`` is that of all of them; with a key of its own no ETag is an MD5.
    ``spoiled`` are keys whose first byte is another one on its way.
    """

    name = "models"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.objects: dict[str, bytes] = {}
        self.ranges = True
        self.encryption: dict[str, str] = {}
        self.spoiled: list[str] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def values(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIATEST0000",
            "AWS_SECRET_ACCESS_KEY": "SECRETTEST0000",
        }

    def respond(self, asked: Asked) -> Answer:
        bucket, _, key = asked.path.removeprefix("/").partition("/")
        if bucket != self.name:
            return refused(404, "NoSuchBucket")
        if not key:
            return self._list(asked)
        if key not in self.objects:
            return refused(404, "NoSuchKey")
        data = self.objects[key]
        etag = self._etag(data)
        if key in self.spoiled and asked.method == "GET":
            data = bytes([data[0] ^ 1]) + data[1:]
        if asked.headers.get("if-match", etag) != etag:
            return refused(412, "PreconditionFailed")
        if not self.ranges:
            asked.headers.pop("range", None)
        more = {"Last-Modified": _MODIFIED, **self.encryption}
        return ranged(asked, data, ETag=etag, **more)

    def _etag(self, data: bytes) -> str:
        plain = self.encryption.items() >= SSE_S3.items() or not self.encryption
        salt = b"" if plain else b"what a key makes of it"
        return f'"{hashlib.md5(salt + data).hexdigest()}"'

    def _list(self, asked: Asked) -> Answer:
        after = asked.query.get("continuation-token") or asked.query.get("start-after")
        found = [
            key
            for key in sorted(self.objects)
            if key.startswith(asked.query.get("prefix", "")) and key > (after or "")
        ]
        page = found[:_PAGE]
        more = (
            f"<IsTruncated>true</IsTruncated>"
            f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"
            if len(found) > _PAGE
            else "<IsTruncated>false</IsTruncated>"
        )
        listed = "".join(self._listed(key) for key in page)
        body = f"<ListBucketResult>{more}{listed}</ListBucketResult>"
        return Answer(200, body.encode(), {"Content-Type": "application/xml"})

    def _listed(self, key: str) -> str:
        data = self.objects[key]
        return (
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>2026-11-21T10:00:00.000Z</LastModified>"
            f"<ETag>{self._etag(data)}</ETag></Contents>"
        )
