from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from obstore import exceptions

from inferry.storage import (
    AccessDenied,
    Changed,
    InvalidUri,
    NotFound,
    Stalled,
    Truncated,
    Unauthenticated,
    Unreachable,
    UnsafePath,
)
from inferry_storage.backends.objects.refusals import Asked, WrongRegion, refusal

if TYPE_CHECKING:
    from inferry.errors import StorageError

_ASKED = Asked(
    cloud="S3",
    shown="s3://b/m",
    bucket="b",
    where="http://store:9000",
    endpoint="http://store:9000",
    rung="secret",
    who="step 'secret', secret 'minio'",
)
_ANONYMOUS = Asked(
    cloud="S3",
    shown="s3://b/m",
    where="http://store:9000",
    endpoint="http://store:9000",
    rung="anonymous",
    who="step 'anonymous'",
    anonymous=True,
)


def _answered(status: int, code: str = "", more: str = "") -> Exception:
    body = f"<Error><Code>{code}</Code><Message>SECRET</Message>{more}</Error>"
    return exceptions.GenericError(
        "Generic S3 error: Error performing GET http://store:9000/b/token?sig=SECRET "
        f"in 1ms - Server returned non-2xx status code: {status} Some Reason: "
        f"{body if code else ''}\n\nDebug source:\nGeneric {{ SECRET }}"
    )


def _unanswered(debug: str) -> Exception:
    return exceptions.GenericError(
        "Generic S3 error: Error performing GET http://store:9000/b/token in 1ms - "
        f"HTTP error: error sending request\n\nDebug source:\n{debug} SECRET"
    )


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (_answered(404, "NoSuchBucket"), NotFound, "has no bucket 'b'"),
        (_answered(404, "NoSuchKey"), NotFound, "no such object (404 NoSuchKey)"),
        (_answered(404), NotFound, "no such object (404)"),
        (_answered(403, "AccessDenied"), AccessDenied, "denies access to the cred"),
        (_answered(403, "InvalidAccessKeyId"), Unauthenticated, "does not take"),
        (_answered(400, "ExpiredToken"), Unauthenticated, "renew the credentials"),
        (_answered(403, "RequestTimeTooSkewed"), Unauthenticated, "set the clock"),
        (_answered(401), Unauthenticated, "(401)"),
        (_answered(412, "PreconditionFailed"), Changed, "was replaced"),
        (_answered(301, "PermanentRedirect"), WrongRegion, "is in another region"),
        (
            _answered(
                400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"
            ),
            WrongRegion,
            "set AWS_DEFAULT_REGION to eu-west-1",
        ),
        (_answered(400, "Nonsense"), InvalidUri, "answered 400 Nonsense"),
        (_answered(500), Unreachable, "answered 500"),
        (_answered(408), Unreachable, "answered 408"),
        (_unanswered("ConnectError ConnectionRefused"), Unreachable, "nothing listens"),
        (_unanswered("dns error"), Unreachable, "has no address"),
        (_unanswered("invalid peer certificate"), Unreachable, "is not trusted"),
        (_unanswered("InvalidContentType"), Unreachable, "does not speak TLS"),
        (_unanswered("TimedOut"), Stalled, "sends nothing"),
        (_unanswered("IncompleteMessage"), Truncated, "broke the connection off"),
        (_unanswered("something new"), Unreachable, "cannot be reached"),
        (exceptions.PreconditionError("x"), Changed, "was replaced"),
        (
            exceptions.GenericError("Received redirect without LOCATION"),
            WrongRegion,
            "set AWS_DEFAULT_REGION to the region of the bucket",
        ),
        (
            exceptions.InvalidPathError(
                'Encountered object with invalid path: Path "m/a//b" contained empty '
                "path segment\n\nDebug source:\nInvalidPath"
            ),
            UnsafePath,
            "'m/a//b' has an empty part",
        ),
    ],
)
def test_what_a_store_refuses_has_its_kind_and_says_why(
    error: Exception, kind: type[StorageError], said: str
) -> None:
    told = refusal(error, _ASKED)
    assert type(told) is kind
    assert said in str(told)
    assert "s3://b/m" in told.message
    assert "SECRET" not in str(told)
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    ("status", "expected"), [(429, 2.0), (503, 2.0), (500, None), (425, None)]
)
def test_a_busy_store_is_given_time(status: int, expected: float | None) -> None:
    told = refusal(_answered(status, "SlowDown"), _ASKED)
    assert isinstance(told, Unreachable)
    assert (told.transient, told.retry_after) == (True, expected)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", ""])
def test_who_asks_without_credentials_is_told_to_give_some(code: str) -> None:
    told = refusal(_answered(403, code), _ANONYMOUS)
    assert isinstance(told, Unauthenticated)
    assert told.rung == "anonymous"
    assert "was given none" in told.message


@pytest.mark.parametrize(
    "text",
    [
        (
            "Generic S3 error: Error performing PUT http://169.254.169.254/latest/token"
            " in 5s, after 1 retries - HTTP error: error sending request"
        ),
        (
            "Generic GCS error: Error performing token request: Error performing GET "
            "http://store:9000/token in 1ms - Server returned non-2xx status code: 403"
        ),
        "Generic S3 error: Failed to read token file '/nope': No such file",
        (
            "The operation lacked valid authentication credentials for path External "
            "AWS credential provider: RuntimeError: SECRET"
        ),
        "Generic MicrosoftAzure error: 'az account get-access-token' command failed",
        "Generic AwsLcCryptoProvider error: Error reading pem file: no items found",
    ],
)
def test_credentials_that_cannot_be_had_are_told_from_a_store_that_fails(
    text: str,
) -> None:
    told = refusal(exceptions.GenericError(text), _ASKED)
    assert isinstance(told, Unauthenticated)
    assert told.rung == "secret"
    assert "of step 'secret', secret 'minio' cannot be had" in told.message
    assert "SECRET" not in str(told)


def test_who_has_no_credentials_at_all_is_told_so() -> None:
    asked = msgspec.structs.replace(_ASKED, rung="ambient", last=True)
    text = "Error performing PUT http://169.254.169.254/latest/token in 1s"
    told = refusal(exceptions.GenericError(text), asked)
    assert isinstance(told, Unauthenticated)
    assert "no credentials were found" in told.message
    assert "anonymous = true" in told.remedy


def test_who_meant_a_secret_that_is_not_there_is_told_which() -> None:
    missed = "secret 'minio' is not here"
    asked = msgspec.structs.replace(_ASKED, rung="ambient", last=True, missed=missed)
    text = "Error performing PUT http://169.254.169.254/latest/token in 1s"
    told = refusal(exceptions.GenericError(text), asked)
    assert told.message == f"s3://b/m: no credentials were found, and {missed}"


def test_the_file_is_named_below_the_uri() -> None:
    assert _ASKED.about("a/b.bin").shown == "s3://b/m/a/b.bin"
    assert _ASKED.about("m").shown == "s3://b/m"
    assert _ASKED.about("").shown == "s3://b/m"
