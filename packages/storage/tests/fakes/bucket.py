"""A server of one bucket that speaks as much of S3 as reading needs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from fakes.site import Answer, Asked, Site, ranged

if TYPE_CHECKING:
    import ssl

_PAGE = 3
_MODIFIED = "Sat, 21 Nov 2026 10:00:00 GMT"


def refused(status: int, code: str, more: str = "") -> Answer:
    """Answer as S3 does when it does not want to."""
    body = f"<Error><Code>{code}</Code><Message>SECRET-MESSAGE</Message>{more}</Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


class Bucket(Site):
    """Serves ``objects`` by key in the bucket ``models``, three to a page."""

    name = "models"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.objects: dict[str, bytes] = {}
        self.ranges = True

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
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        if asked.headers.get("if-match", etag) != etag:
            return refused(412, "PreconditionFailed")
        if not self.ranges:
            asked.headers.pop("range", None)
        return ranged(asked, data, ETag=etag, **{"Last-Modified": _MODIFIED})

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
            f'<ETag>"{hashlib.md5(data).hexdigest()}"</ETag></Contents>'
        )
