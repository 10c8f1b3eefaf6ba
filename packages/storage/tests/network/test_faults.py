"""What servers and networks say, as errors."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from inferry.storage import (
    AccessDenied,
    Changed,
    InvalidUri,
    NotFound,
    Stalled,
    Truncated,
    Unauthenticated,
    Unreachable,
)
from inferry_storage.network.faults import failed, refused, retry_after

URI = "https://me:secret@example.com/a?sig=secret"


@pytest.mark.parametrize(
    ("status", "error", "transient"),
    [
        (400, InvalidUri, False),
        (401, Unauthenticated, False),
        (403, AccessDenied, False),
        (404, NotFound, False),
        (408, Unreachable, True),
        (410, NotFound, False),
        (412, Changed, False),
        (416, Changed, False),
        (425, Unreachable, True),
        (429, Unreachable, True),
        (500, Unreachable, True),
        (503, Unreachable, True),
        (599, Unreachable, True),
    ],
)
def test_each_status_is_its_error(
    status: int, error: type[Exception], *, transient: bool
) -> None:
    found = refused(URI, status, {})

    assert type(found) is error
    assert found.transient is transient
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (httpx.ConnectTimeout("x"), Unreachable),
        (httpx.ReadTimeout("x"), Stalled),
        (httpx.PoolTimeout("x"), Stalled),
        (httpx.ReadError("reset"), Truncated),
        (httpx.RemoteProtocolError("closed"), Truncated),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ProxyError("407"), Unreachable),
    ],
)
def test_each_break_is_its_error(cause: Exception, error: type[Exception]) -> None:
    found = failed(URI, cause)

    assert type(found) is error
    assert found.transient
    assert "secret" not in str(found)


def test_a_certificate_is_as_bad_the_next_time() -> None:
    cause = ssl.SSLCertVerificationError("no")
    cause.verify_message = "self-signed certificate"
    error = httpx.ConnectError("x")
    error.__cause__ = cause

    found = failed(URI, error)

    assert "self-signed certificate; set SSL_CERT_FILE" in str(found)
    assert not found.transient


def test_the_time_to_come_again_is_read_in_both_ways() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    date = format_datetime(later, usegmt=True)

    assert retry_after({"retry-after": "7"}) == 7
    assert 90 < (retry_after({"retry-after": date}) or 0) <= 100
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "-1"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_signed_url_that_has_ended_is_signed_again(status: int) -> None:
    found = refused(f"{URI}?sig=secret", status, {}, rung="none")
    assert "to what the URI's query allows" in found.message
    assert found.remedy.startswith("sign the URL again")
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    "error", [httpx.RemoteProtocolError("odd"), httpx.ConnectError("odd")]
)
def test_what_broke_says_what_to_do(error: Exception) -> None:
    assert failed(URI, error).remedy


def test_a_server_of_plain_http_at_https_is_told() -> None:
    error = httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number")
    found = failed(URI, error)
    assert found.message.endswith("/a: the server does not speak TLS")
    assert "http://" in found.remedy
