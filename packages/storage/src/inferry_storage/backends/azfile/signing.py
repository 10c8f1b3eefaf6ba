"""Who asks Azure Files: by a key of the account, a shared access signature, a token.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from inferry.storage import NotAllowed, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2022-11-02"
_SIGNED = ("content-length", "content-md5", "content-type", "date")
_CONDITIONS = ("if-modified-since", "if-match", "if-none-match", "if-unmodified-since")


class Signer:
    """Adds to a request what the credentials have."""

    def __init__(self, values: Mapping[str, str], rung: str) -> None:
        given = values.get("AZURE_STORAGE_ACCESS_KEY", "").strip()
        sas = values.get("AZURE_STORAGE_SAS_TOKEN", "").strip()
        self._sas = (sas or (given if "sig=" in given else "")).lstrip("?")
        self._key = b"" if self._sas else _decoded(given)
        self._token = values.get("AZURE_ACCESS_TOKEN", "").strip()
        self._rung = rung

    def signed(
        self, method: str, url: str, account: str, headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Return *url* and the headers to send to it.

        Raises:
            Unauthenticated: The credentials have nothing that Azure Files takes.

        """
        sent = {**headers, "x-ms-version": VERSION}
        sent["x-ms-date"] = email.utils.formatdate(usegmt=True)
        if self._sas:
            return f"{url}{'&' if '?' in url else '?'}{self._query()}", sent
        if self._key:
            text = _text(method, url, account, sent)
            digest = base64.b64encode(hmac.digest(self._key, text.encode(), "sha256"))
            sent["Authorization"] = f"SharedKey {account}:{digest.decode('ascii')}"
        elif self._token:
            sent["Authorization"] = f"Bearer {self._token}"
            sent["x-ms-file-request-intent"] = "backup"
        else:
            raise Unauthenticated(
                f"Azure Files takes no request without credentials ({self._rung})",
                rung=self._rung,
                remedy="set AZURE_STORAGE_ACCESS_KEY to a key of the account or a "
                "shared access signature",
            )
        return url, sent

    def _query(self) -> str:
        return urlencode(parse_qsl(self._sas, keep_blank_values=True))


def _decoded(key: str) -> bytes:
    try:
        return base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise NotAllowed(
            "AZURE_STORAGE_ACCESS_KEY is neither a key nor a shared access signature",
            remedy="copy it again: a key is base64, a signature has sig=",
        ) from None


def _text(method: str, url: str, account: str, headers: Mapping[str, str]) -> str:
    """Return what is signed of a request without a body."""
    parts = urlsplit(url)
    sent = {name.lower(): value for name, value in headers.items()}
    lines = [method, "", ""]
    lines += [sent.get(name, "") for name in (*_SIGNED, *_CONDITIONS, "range")]
    lines += [
        f"{name}:{sent[name]}" for name in sorted(sent) if name.startswith("x-ms-")
    ]
    lines.append(f"/{account}{parts.path}")
    query = parse_qsl(parts.query, keep_blank_values=True)
    lines += [f"{name.lower()}:{value}" for name, value in sorted(query)]
    return "\n".join(lines)
