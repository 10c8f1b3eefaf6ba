"""What a checksum is, is asked of the store before it is held against the bytes."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trustme
from fakes.bucket import SSE_S3, Bucket
from fakes.site import Answer
from obstore.store import MemoryStore

from inferry.errors import StorageError
from inferry.storage import Access, AccessDenied, Credentials, Source, Unreachable
from inferry_storage.backends.objects.heading import headers_of
from inferry_storage.backends.objects.storage import Opened
from inferry_storage.backends.s3 import S3Storage
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_KMS = {"x-amz-server-side-encryption": "aws:kms"}
_DSSE = {"x-amz-server-side-encryption": "aws:kms:dsse"}
_SSE_C = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}


async def _confirmed(
    bucket: Bucket, between: Callable[[], None] = lambda: None, **values: str
) -> bool:
    """Resolve the object ``m x``, and ask whether its checksum is one."""
    credentials = Credentials(rung="secret", values={**bucket.values, **values})
    client = S3Storage(Access(credentials=credentials))
    (entry,) = (await client.resolve(Source(uri="s3://models/m x"))).entries
    assert (entry.digest or "").startswith("md5:")
    between()
    try:
        return await client.confirms(entry)
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [({}, True), (SSE_S3, True), (_KMS, False), (_DSSE, False), (_SSE_C, False)],
)
@pytest.mark.parametrize("anonymous", ["", "true"])
async def test_an_object_that_a_key_encrypts_has_no_md5(
    bucket: Bucket, encryption: dict[str, str], anonymous: str, *, expected: bool
) -> None:
    bucket.objects, bucket.encryption = {"m x": b"1"}, encryption

    assert await _confirmed(bucket, awsAnonymousCredential=anonymous) is expected

    head = bucket.asked[-1]
    assert (head.method, head.path) == ("HEAD", "/models/m x")
    assert ("X-Amz-Signature" in head.query) is not bool(anonymous)


def test_a_cloud_behind_a_private_link_is_asked(bucket: Bucket) -> None:
    """Its name is that of the cloud and its address one of the network."""
    bucket.objects, bucket.encryption = {"m x": b"1"}, _KMS
    access = Access(credentials=Credentials(values={}))
    opened = Opened(
        store=MemoryStore(),  # type: ignore[arg-type]
        endpoint=bucket.url,
        base=f"{bucket.url}/models",
        anonymous=True,
    )
    policy = Policy.of({})
    found = headers_of(opened, "m x", "s3://models/m x", access, policy)
    assert found is not None
    assert found["x-amz-server-side-encryption"] == "aws:kms"


async def test_what_was_replaced_or_removed_is_left_to_the_next_read(
    bucket: Bucket,
) -> None:
    bucket.objects, bucket.encryption = {"m x": b"1"}, _KMS
    assert await _confirmed(bucket, lambda: bucket.objects.update({"m x": b"2"}))
    assert await _confirmed(bucket, bucket.objects.clear)


@pytest.mark.parametrize(
    ("status", "kind"), [(403, AccessDenied), (503, Unreachable), (307, StorageError)]
)
async def test_a_store_that_does_not_say_is_told(
    bucket: Bucket, status: int, kind: type[StorageError]
) -> None:
    bucket.objects = {"m x": b"1"}

    def refuse() -> None:
        bucket.faults.append(lambda _: Answer(status))

    with pytest.raises(kind) as caught:
        await _confirmed(bucket, refuse)
    assert str(caught.value).startswith("s3://models/m x: ")
    assert "Signature" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("trust", ["CA_BUNDLE", "AWS_CA_BUNDLE", "S3_VERIFY_SSL"])
async def test_it_is_asked_as_the_store_is(trust: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    bucket = Bucket(context)
    bucket.objects, bucket.encryption = {"m x": b"1"}, _KMS
    value = "0" if trust == "S3_VERIFY_SSL" else str(bundle)
    try:
        assert await _confirmed(bucket, **{trust: value}) is False
    finally:
        bucket.stop()


async def test_of_a_version_another_one_says_nothing(bucket: Bucket) -> None:
    bucket.objects = {"m": b"1"}
    settings: dict[str, Any] = {"require": "checksum"}
    credentials = Credentials(rung="secret", values=bucket.values)
    client = S3Storage(Access(settings=settings, credentials=credentials))
    found = await client.resolve(Source(uri="s3://models/m?versionId=1"))
    (entry,) = found.entries
    assert await client.confirms(entry) is True
    assert await client.confirms(msgspec.structs.replace(entry, etag="2")) is False
