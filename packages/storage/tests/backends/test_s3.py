from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inferry.storage import Access, Credentials, InvalidUri, NotAllowed, Source
from inferry_storage.backends.s3 import S3, S3Storage

if TYPE_CHECKING:
    from inferry_storage.backends.objects.storage import Opened

_KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "SECRETTEST"}


def _opened(uri: str = "s3://models/m", **values: str) -> Opened:
    access = Access(credentials=Credentials(rung="secret", values={**_KEYS, **values}))
    return S3().open(S3().address(uri), access, Source(uri=uri))


@pytest.mark.parametrize(
    ("uri", "keys", "folder"),
    [
        ("s3://models", ("",), True),
        ("s3://models/", ("",), True),
        ("s3a://models/a/b", ("a/b",), False),
        ("S3://models/a/b/", ("a/b",), True),
        ("s3://models/a b%20c", ("a b%20c", "a b c"), False),
    ],
)
def test_a_uri_names_a_bucket_and_a_key(
    uri: str, keys: tuple[str, ...], *, folder: bool
) -> None:
    address = S3().address(uri)
    assert (address.bucket, address.keys, address.folder) == ("models", keys, folder)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3:///key",
        "s3://a",
        "s3://key:SECRET@models/m",
        "s3://models:9000/m",
        "s3://evil.example.com#models/m",
        "s3://arn:aws:s3:us-east-1:1:accesspoint/models/m",
        "s3://models\\@evil/m",
    ],
)
def test_what_is_no_bucket_is_refused(uri: str) -> None:
    with pytest.raises(InvalidUri, match="names no bucket") as caught:
        S3().address(uri)
    assert "SECRET" not in str(caught.value)


def test_the_etags_of_a_directory_bucket_are_random() -> None:
    assert S3().has_md5("models")
    assert not S3().has_md5("models--usw2-az1--x-s3")


@pytest.mark.parametrize(
    ("values", "endpoint"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com"),
        (
            {"AWS_DEFAULT_REGION": "eu-west-1"},
            "https://s3.eu-west-1.amazonaws.com",
        ),
        (
            {"AWS_REGION": "cn-north-1"},
            "https://s3.cn-north-1.amazonaws.com.cn",
        ),
        (
            {"S3_USER_VIRTUAL_BUCKET": "1"},
            "https://models.s3.us-east-1.amazonaws.com",
        ),
        (
            {"S3_USE_ACCELERATE": "true"},
            "https://models.s3-accelerate.amazonaws.com",
        ),
        ({"S3_ENDPOINT": "minio:9000"}, "https://minio:9000"),
        (
            {"S3_ENDPOINT": "minio:9000", "S3_USE_HTTPS": "0"},
            "http://minio:9000",
        ),
        (
            {"S3_ENDPOINT": "https://minio:9000/", "S3_USE_HTTPS": "0"},
            "https://minio:9000",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://one", "S3_ENDPOINT": "http://two"},
            "http://one",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://minio", "S3_USER_VIRTUAL_BUCKET": "true"},
            "http://models.minio",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://minio", "S3_USE_ACCELERATE": "true"},
            "http://minio",
        ),
    ],
)
def test_the_endpoint_is_the_operators_or_that_of_the_region(
    values: dict[str, str], endpoint: str
) -> None:
    assert _opened(**values).endpoint == endpoint


@pytest.mark.parametrize("region", ["x.example.com/", "eu west", "a@b"])
def test_a_region_leads_nowhere_else(region: str) -> None:
    with pytest.raises(InvalidUri, match="AWS_DEFAULT_REGION is not a region"):
        _opened(AWS_DEFAULT_REGION=region)


def test_an_endpoint_of_the_service_is_checked() -> None:
    access = Access(
        credentials=Credentials(
            values={**_KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}
        )
    )
    source = Source(
        uri="s3://models/m", parameters={"endpoint_url": "http://127.0.0.1:9000"}
    )
    with pytest.raises(NotAllowed):
        S3().open(S3().address(source.uri), access, source)


@pytest.mark.parametrize(
    ("region", "answered", "expected"),
    [
        ("eu-west-1", None, "https://s3.eu-west-1.amazonaws.com"),
        ("", "ap-south-1", "https://s3.ap-south-1.amazonaws.com"),
        ("", "x.example.com/", None),
        ("", "", None),
    ],
)
def test_a_bucket_of_aws_is_asked_for_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
    region: str,
    answered: str | None,
    expected: str | None,
) -> None:
    asked = []

    def head(url: str, **_: Any) -> httpx.Response:
        asked.append(url)
        return httpx.Response(301, headers={"x-amz-bucket-region": answered or ""})

    monkeypatch.setattr(httpx, "head", head)
    access = Access(credentials=Credentials(rung="secret", values=_KEYS))
    found = S3().elsewhere(S3().address("s3://models/m"), access, region)
    assert (found.endpoint if found else None) == expected
    once = "https://s3.us-east-1.amazonaws.com/models"
    assert asked == ([once] if answered is not None else [])


def test_a_bucket_of_another_store_is_not_looked_for_at_aws() -> None:
    values = {**_KEYS, "AWS_ENDPOINT_URL": "http://minio"}
    access = Access(credentials=Credentials(values=values))
    address = S3().address("s3://models/m")
    assert S3().elsewhere(address, access, "eu-west-1") is None


async def test_a_bucket_in_another_region_is_found_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What us-east-1 redirects is opened again in the region that it is in."""
    from inferry_storage.backends.objects import storage
    from inferry_storage.backends.objects.refusals import WrongRegion

    seen = []

    async def snapshot(self: Any, address: Any, opened: Opened) -> str:
        seen.append(opened.endpoint)
        if len(seen) == 1:
            raise WrongRegion("elsewhere", region="eu-west-1")
        return "found"

    monkeypatch.setattr(storage.ObjectStorage, "_snapshot", snapshot)
    client = S3Storage(Access(credentials=Credentials(rung="secret", values=_KEYS)))
    assert await client.resolve(Source(uri="s3://models/m")) == "found"
    assert seen == [
        "https://s3.us-east-1.amazonaws.com",
        "https://s3.eu-west-1.amazonaws.com",
    ]
