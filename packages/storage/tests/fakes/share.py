"""A file share of Azure Files: pages of XML, properties, ranges, signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from fakes.site import Answer, Asked, Site, ranged

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


class Share(Site):
    """Holds ``files`` by path; lets in who signs with ``key``, or has ``sas``."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "models"
        self.account = "account1"
        self.key = base64.b64encode(b"key-canary-of-the-account").decode()
        self.sas = "sv=2024-01-01&sig=sas-canary%3D"
        self.files: dict[str, bytes] = {}
        self.page = 5000
        self.heeds_conditions = True

    def respond(self, asked: Asked) -> Answer:
        share, _, path = asked.path.strip("/").partition("/")
        folder = any(each.startswith(f"{path}/") for each in self.files) or not path
        if not self._lets_in(asked):
            return _refused(403, "AuthenticationFailed")
        if share != self.name:
            return _refused(404, "ShareNotFound")
        if asked.query.get("comp") == "list":
            return self._listed(asked, path) if folder else _missing()
        if asked.query.get("restype") == "directory":
            return Answer(200, b"", _headers(b"")) if folder else _missing()
        return self._file(asked, path)

    def _file(self, asked: Asked, path: str) -> Answer:
        if path not in self.files:
            return _missing()
        data = self.files[path]
        headers = _headers(data)
        matches = asked.headers.get("if-match", headers["ETag"]) == headers["ETag"]
        if self.heeds_conditions and not matches:
            return _refused(412, "ConditionNotMet")
        return ranged(asked, data, **headers)

    def _listed(self, asked: Asked, path: str) -> Answer:
        below = f"{path}/" if path else ""
        inside = [each[len(below) :] for each in self.files if each.startswith(below)]
        names = sorted({each.partition("/")[0] for each in inside})
        start = int(asked.query.get("marker") or 0)
        rows = []
        for name in names[start : start + self.page]:
            data = self.files.get(f"{below}{name}")
            kind = "File" if data is not None else "Directory"
            size = (
                f"<Content-Length>{len(data)}</Content-Length>"
                if data is not None
                else ""
            )
            properties = (
                f"<Properties>{size}<Etag>{_etag(data or b'')}</Etag>"
                "<Last-Modified>Mon, 02 Sep 2024 10:00:00 GMT</Last-Modified>"
                "</Properties>"
            )
            rows.append(f"<{kind}><Name>{escape(name)}</Name>{properties}</{kind}>")
        after = start + self.page
        text = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<EnumerationResults ShareName="{self.name}">'
            f"<Entries>{''.join(rows)}</Entries>"
            f"<NextMarker>{after if after < len(names) else ''}</NextMarker>"
            "</EnumerationResults>"
        )
        return Answer(200, text.encode(), {"Content-Type": "application/xml"})

    def _lets_in(self, asked: Asked) -> bool:
        if "sig=" in asked.target:
            given = dict(parse_qsl(urlsplit(asked.target).query))
            return all(given.get(k) == v for k, v in parse_qsl(self.sas))
        return hmac.compare_digest(
            asked.headers.get("authorization", ""), self._signature(asked)
        )

    def _signature(self, asked: Asked) -> str:
        """Sign as Azure does since version 2015-02-21."""
        lines = [asked.method]
        for name in _SIGNED:
            value = asked.headers.get(name, "")
            lines.append("" if name == "content-length" and value == "0" else value)
        lines += [
            f"{name}:{asked.headers[name]}"
            for name in sorted(asked.headers)
            if name.startswith("x-ms-")
        ]
        lines.append(f"/{self.account}{asked.raw_path}")
        lines += [f"{name}:{value}" for name, value in sorted(asked.query.items())]
        text = "\n".join(lines).encode()
        digest = hmac.digest(base64.b64decode(self.key), text, "sha256")
        return f"SharedKey {self.account}:{base64.b64encode(digest).decode()}"


def _etag(data: bytes) -> str:
    return f'"0x{hashlib.md5(data).hexdigest()[:14].upper()}"'


def _headers(data: bytes) -> dict[str, str]:
    return {
        "ETag": _etag(data),
        "Last-Modified": "Mon, 02 Sep 2024 10:00:00 GMT",
        "x-ms-type": "File",
    }


def _missing() -> Answer:
    return _refused(404, "ResourceNotFound")


def _refused(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>secret words</Message></Error>"
    return Answer(
        status,
        text.encode(),
        {"x-ms-error-code": code, "Content-Type": "application/xml"},
    )
