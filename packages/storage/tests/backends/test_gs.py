from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from fakes.bucket import SSE_S3, Bucket

from inferry.storage import Access, Credentials, InvalidUri, Source
from inferry_storage.backends.gs import Gs, GsStorage

if TYPE_CHECKING:
    from inferry_storage.backends.objects.storage import Opened

_FILE = "gcloud-application-credentials.json"


def _opened(rung: str = "anonymous", **values: str) -> Opened:
    access = Access(credentials=Credentials(rung=rung, values=values))
    uri = "gs://models/m"
    return Gs().open(Gs().address(uri), access, Source(uri=uri))


def test_a_uri_names_a_bucket_a_key_and_a_generation() -> None:
    address = Gs().address("gs://my.models/a/b%20c?generation=17")
    assert address.bucket == "my.models"
    assert address.keys == ("a/b%20c", "a/b c")
    assert address.version == "17"
    assert Gs().address("gs://models").folder


@pytest.mark.parametrize(
    "uri", ["gs://", "gs:///m", "gs://Models/m", "gs://a:b@models/m", "gs://m/x"]
)
def test_what_is_no_bucket_is_refused(uri: str) -> None:
    with pytest.raises(InvalidUri, match="names no bucket"):
        Gs().address(uri)


@pytest.mark.parametrize(
    ("values", "endpoint"),
    [
        ({}, "https://storage.googleapis.com"),
        ({"STORAGE_EMULATOR_HOST": "http://fake:4443/"}, "http://fake:4443"),
        ({"STORAGE_EMULATOR_HOST": "fake:4443"}, "http://fake:4443"),
    ],
)
def test_the_endpoint_is_google_or_the_emulator(
    values: dict[str, str], endpoint: str
) -> None:
    opened = _opened(**values)
    assert opened.endpoint == endpoint
    assert opened.anonymous


def test_a_key_does_not_lead_elsewhere() -> None:
    """``gcs_base_url`` of a key would be where obstore asks."""
    key = (
        '{"type": "service_account", "client_email": "a", "private_key": "b", '
        '"private_key_id": "c", "disable_oauth": true, '
        '"gcs_base_url": "http://127.0.0.1:1"}'
    )
    opened = _opened("secret", **{_FILE: key})
    config: Any = opened.store.config  # type: ignore[union-attr]
    assert config["base_url"] == "https://storage.googleapis.com"
    assert not opened.anonymous
    assert not hasattr(opened.store, "skip_signature")


def test_a_bucket_is_nowhere_else() -> None:
    address = Gs().address("gs://models/m")
    assert Gs().elsewhere(address, Access(), "eu-west-1") is None


@pytest.mark.parametrize("known", [True, False])
async def test_an_etag_is_an_md5_if_google_gives_the_same(*, known: bool) -> None:
    """Of an object that a key of the customer encrypts it gives another, or none."""
    server = Bucket()
    server.objects = {"m": b"1"}
    etag = hashlib.md5(b"1").digest()
    hashes = b64encode(etag if known else bytes(16)).decode()
    server.encryption = {**SSE_S3, "x-goog-hash": f"crc32c=kPWZ4w==,md5={hashes}"}
    values = {"STORAGE_EMULATOR_HOST": server.url}
    client = GsStorage(Access(credentials=Credentials(values=values)))
    try:
        (entry,) = (await client.resolve(Source(uri="gs://models/m"))).entries
        assert entry.digest == f"md5:{etag.hex()}"
        assert await client.confirms(entry) is known
    finally:
        await client.close()
        server.stop()


async def test_an_etag_is_no_checksum_where_asking_needs_a_signature_of_google() -> (
    None
):
    server = Bucket()
    server.objects = {"m": b"1"}
    values = {"STORAGE_EMULATOR_HOST": server.url, "GOOGLE_OAUTH_ACCESS_TOKEN": "T"}
    found = {}
    try:
        for require in ("length", "checksum"):
            access = Access(
                settings={"require": require},
                credentials=Credentials(rung="environment", values=values),
            )
            client = GsStorage(access)
            (entry,) = (await client.resolve(Source(uri="gs://models/m"))).entries
            found[require] = entry.digest
            assert await client.confirms(entry)
            await client.close()
    finally:
        server.stop()
    assert found == {"length": None, "checksum": f"md5:{hashlib.md5(b'1').hexdigest()}"}
