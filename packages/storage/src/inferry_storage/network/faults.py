"""What servers and networks say, as the errors of the storage contract."""

from __future__ import annotations

import ssl
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from inferry.storage import (
    AccessDenied,
    Changed,
    InvalidUri,
    NotFound,
    Stalled,
    Truncated,
    Unauthenticated,
    Unreachable,
    shown_uri,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.errors import StorageError

_PASSING = {408, 425, 429}
_GONE = {404, 410}
#: OpenSSL's words for bytes that are not TLS at all.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
_NOBODY = {"anonymous", "none"}
_UNKNOWN = "a request without credentials"
# The validator does not hold, or the range is past the end of a file that shrank.
_REPLACED = {412, 416}


def refused(
    uri: str,
    status: int,
    headers: Mapping[str, str],
    *,
    rung: str = "anonymous",
    remedy: str = "",
) -> StorageError:
    """Return the error for an answer that is no success.

    ``rung`` says which credentials were sent and ``remedy`` how to give better ones.
    """
    shown = shown_uri(uri)
    said = f"{shown}: the server answered {_phrase(status)}"
    if status in _REPLACED:
        return changed(uri)
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthenticated(
            f"{said} to {_sent(rung, uri)}",
            rung=rung,
            remedy=remedy or _renewed(rung, uri),
        )
    if status == HTTPStatus.FORBIDDEN:
        return AccessDenied(
            f"{said} to {_sent(rung, uri)}", remedy=remedy or _renewed(rung, uri)
        )
    if status in _GONE:
        return NotFound(said, remedy="correct the storageUri")
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unreachable(
            said, retry_after=retry_after(headers), remedy="try again later"
        )
    return InvalidUri(said, remedy="correct the storageUri")


def changed(uri: str) -> Changed:
    """Return the error for a file that is no longer the one that was resolved."""
    return Changed(
        f"{shown_uri(uri)} was replaced while it was read",
        remedy="apply again when it is at rest",
    )


def failed(uri: str, error: Exception) -> StorageError:
    """Return the error for a connection that broke, or was never made."""
    shown = shown_uri(uri)
    if said := _untrusted(error):
        unreachable = Unreachable(
            f"{shown}: its certificate is not trusted: {said}",
            remedy="set SSL_CERT_FILE to the certificate of its authority",
        )
        # The same certificate comes next time.
        unreachable.transient = False
        return unreachable
    if isinstance(error, httpx.ConnectTimeout):
        return Unreachable(
            f"{shown}: the server takes no connection in time",
            remedy="check its address and the network",
        )
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return Stalled(
            f"{shown}: the server does not answer in time",
            remedy="check the network, or raise [storage] stall_seconds",
        )
    if isinstance(error, httpx.ReadError | httpx.RemoteProtocolError):
        return Truncated(
            f"{shown}: the connection broke: {_words(error)}",
            remedy="check that a web server is there, or try again later",
        )
    if any(words in str(error) for words in _NO_TLS):
        return Unreachable(
            f"{shown}: the server does not speak TLS",
            remedy="write http:// if it is plain http and allowed, or correct the port",
        )
    return Unreachable(
        f"{shown}: {_words(error)}", remedy="check its address and the network"
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asks to wait, None where it does not say."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _sent(rung: str, uri: str) -> str:
    if rung not in _NOBODY:
        return f"the credentials of {rung}"
    return "what the URI's query allows" if "?" in uri else _UNKNOWN


def _renewed(rung: str, uri: str) -> str:
    if rung in _NOBODY and "?" in uri:
        return "sign the URL again if its signature has ended, or give credentials"
    return "give credentials that may read it"


def _untrusted(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return ""


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
