"""The addresses that the operator named, in settings and with credentials."""

from __future__ import annotations

import pytest

from inferry.storage import InvalidUri, NotAllowed
from inferry_storage.network.endpoints import Endpoints, Origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://minio:9000/x", Origin("http", "minio", 9000)),
        ("https://Store.example", Origin("https", "store.example", 443)),
        ("http://store.example.", Origin("http", "store.example", 80)),
        ("store.example", Origin("https", "store.example", 443)),
        ("http://[::1]:9000", Origin("http", "::1", 9000)),
        ("https://user:pw@store.example/", Origin("https", "store.example", 443)),
    ],
)
def test_a_url_has_an_origin(url: str, expected: Origin) -> None:
    assert Origin.of(url) == expected


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://a:99999999", "a b"])
def test_what_is_no_url_has_none(url: str) -> None:
    with pytest.raises(InvalidUri):
        Origin.of(url)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"AWS_ENDPOINT_URL": "http://minio:9000"}, "http://minio:9000"),
        ({"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"}, "http://minio:9000"),
        ({"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "1"}, "https://minio:9000"),
        ({"S3_ENDPOINT": "minio:9000"}, "https://minio:9000"),
        ({"S3_ENDPOINT": "http://minio:9000"}, "http://minio:9000"),
        ({"AZURE_SERVICE_URL": "http://azurite:1/a"}, "http://azurite:1"),
        ({"HF_ENDPOINT": "http://hub:80"}, "http://hub"),
        ({"HDFS_NAMENODE": "http://a:1;http://b:2"}, "http://b:2"),
    ],
)
def test_credentials_name_endpoints(values: dict[str, str], expected: str) -> None:
    assert Origin.of(expected) in Endpoints.of((), values)


def test_another_scheme_port_or_host_is_not_named() -> None:
    named = Endpoints.of(("http://minio:9000",), {})

    assert Origin.of("https://minio:9000") not in named
    assert Origin.of("http://minio:9001") not in named
    assert named.name("minio", 9000)
    assert not named.name("other", 9000)


def test_an_endpoint_that_is_no_url_is_said_without_its_text() -> None:
    with pytest.raises(NotAllowed, match="is not a URL") as caught:
        Endpoints.of((), {"S3_ENDPOINT": "http://user:secret@[bad"})

    assert "secret" not in str(caught.value)
