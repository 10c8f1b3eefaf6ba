from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inferry.storage import (
    Access,
    BlockedAddress,
    Credentials,
    NotAllowed,
    Source,
)
from inferry_storage.backends.objects import connection
from inferry_storage.backends.objects.connection import (
    checked_endpoint,
    client_options,
    retries,
)

if TYPE_CHECKING:
    from pathlib import Path

_AWS = "https://s3.eu-west-1.amazonaws.com"
_PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def _access(settings: dict[str, Any] | None = None, **values: str) -> Access:
    return Access(settings=settings or {}, credentials=Credentials(values=values))


def _source(**parameters: str) -> Source:
    return Source(uri="s3://b/m", parameters=parameters)


def test_a_body_may_take_long_and_a_read_may_not() -> None:
    options = client_options(_access({"stall_seconds": 7}), _AWS)
    assert options["read_timeout"] == timedelta(seconds=7)
    assert options["connect_timeout"] == timedelta(seconds=15)
    assert options["timeout"] == "7d"
    assert "allow_invalid_certificates" not in options


def test_https_is_not_left_for_http() -> None:
    assert client_options(_access(), _AWS)["allow_http"] is False
    assert client_options(_access(), "http://minio:9000")["allow_http"] is True


def test_the_times_of_kserve_win() -> None:
    access = _access(S3_CONNECT_TIMEOUT="3", S3_READ_TIMEOUT="2.5")
    options = client_options(access, _AWS)
    assert options["read_timeout"] == timedelta(seconds=2.5)
    assert options["connect_timeout"] == timedelta(seconds=3)


@pytest.mark.parametrize("name", ["S3_CONNECT_TIMEOUT", "S3_READ_TIMEOUT"])
def test_a_time_that_is_none_is_refused_by_name(name: str) -> None:
    with pytest.raises(NotAllowed, match=name):
        client_options(_access(**{name: "soon"}), _AWS)


def test_attempts_are_the_engines_unless_kserve_asks_for_some() -> None:
    assert retries(_access())["max_retries"] == 0
    assert retries(_access(S3_MAX_ATTEMPTS="3"))["max_retries"] == 2
    assert retries(_access(S3_MAX_ATTEMPTS="999"))["max_retries"] == 10
    with pytest.raises(NotAllowed, match="S3_MAX_ATTEMPTS"):
        retries(_access(S3_MAX_ATTEMPTS="many"))


def test_authorities_are_a_file_or_their_text(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(_PEM)
    for value in (str(file), _PEM):
        for name in ("CA_BUNDLE", "AWS_CA_BUNDLE"):
            given = client_options(_access(**{name: value}), _AWS)
            assert given["root_certificate"] == _PEM.encode()
    insecure = client_options(_access(CA_BUNDLE=str(file)), _AWS, insecure=True)
    assert insecure["allow_invalid_certificates"] is True


def test_an_image_without_authorities_trusts_those_that_browsers_trust(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without any, obstore refuses plain http, too, and speaks of a certificate."""
    monkeypatch.setattr(connection, "_SYSTEM", (str(tmp_path),))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    given = client_options(_access(), "http://store.models:9000")
    assert given["root_certificate"].count(_PEM[:20].encode()) > 50
    (tmp_path / "ca.pem").write_text(_PEM)
    assert "root_certificate" not in client_options(_access(), _AWS)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_are_none_are_refused(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NotAllowed, match="holds no certificate that can be read"):
        client_options(_access(AWS_CA_BUNDLE=str(file)), _AWS)


def test_an_endpoint_of_the_operator_may_be_private_and_http() -> None:
    endpoint = "http://127.0.0.1:9000"
    assert checked_endpoint(_access(), _source(), endpoint) == endpoint


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("http://127.0.0.1:9000", NotAllowed),
        ("http://store.example.com", NotAllowed),
        ("https://127.0.0.1:9000", BlockedAddress),
        ("https://169.254.169.254", BlockedAddress),
        ("https://[::1]:9000", BlockedAddress),
        ("ftp://store.example.com", NotAllowed),
    ],
)
def test_an_endpoint_of_the_service_is_https_and_public(
    endpoint: str, kind: type[Exception]
) -> None:
    for given in (endpoint, f"{endpoint}/", endpoint.partition("://")[2]):
        with pytest.raises(kind):
            checked_endpoint(_access(), _source(endpoint_url=given), endpoint)


def test_an_endpoint_of_the_service_may_be_one_that_the_operator_lists() -> None:
    endpoint = "http://127.0.0.1:9000"
    access = _access({"endpoints": [endpoint]})
    given = _source(endpoint_url=endpoint)
    assert checked_endpoint(access, given, endpoint, insecure=True) == endpoint


def test_an_endpoint_of_the_service_has_a_certificate_that_is_checked() -> None:
    endpoint = "https://store.example.com"
    with pytest.raises(NotAllowed, match="goes without a certificate"):
        checked_endpoint(
            _access(), _source(endpoint_url=endpoint), endpoint, insecure=True
        )


def test_an_endpoint_that_is_none_is_refused() -> None:
    with pytest.raises(NotAllowed):
        checked_endpoint(_access(), _source(), "http://host:port")
