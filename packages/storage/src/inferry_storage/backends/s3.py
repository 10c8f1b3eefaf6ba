"""S3 and what speaks like it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.storage import InvalidUri, shown_uri
from inferry_storage.backends.objects.address import (
    Address,
    Parts,
    is_on,
    spellings,
)
from inferry_storage.backends.objects.aws import identity
from inferry_storage.backends.objects.connection import (
    checked_endpoint,
    client_options,
    retries,
)
from inferry_storage.backends.objects.storage import ObjectStorage, Opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import S3Config

    from inferry.storage import Access, Source

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_DEFAULT_REGION = "us-east-1"
_ASK_SECONDS = 10.0
_DIRECTORY = "--x-s3"


class S3Storage(ObjectStorage):
    """Reads ``s3://bucket/key`` with the credentials and endpoint of its access."""

    def __init__(self, access: Access) -> None:
        super().__init__(access, S3())


class S3:
    """What is S3's own."""

    name = "S3"
    kind = "bucket"

    def has_md5(self, bucket: str) -> bool:
        """Say whether it is no directory bucket, whose ETags are random."""
        return not bucket.endswith(_DIRECTORY)

    def is_md5(self, md5: str, headers: Mapping[str, str]) -> bool:
        """Say whether no key encrypts the object, for its ETag would be none then."""
        del md5
        encryption = headers.get("x-amz-server-side-encryption", "AES256")
        own = "x-amz-server-side-encryption-customer-algorithm" in headers
        return encryption == "AES256" and not own

    def address(self, uri: str) -> Address:
        """Return the bucket and key of ``s3://bucket/key[?versionId=…]``.

        Raises:
            StorageError: It names none.

        """
        parts = Parts.of(uri)
        if not _BUCKET.fullmatch(parts.authority):
            raise InvalidUri(
                f"{shown_uri(uri)} names no bucket",
                remedy="write it as s3://bucket/path; for an access point use its "
                "alias",
            )
        return Address(
            uri=uri,
            bucket=parts.authority,
            keys=spellings(uri, parts.path),
            folder=parts.path.endswith("/") or not parts.path,
            version=parts.option("versionId"),
        )

    def open(self, address: Address, access: Access, source: Source) -> Opened:
        """Return the store of the bucket.

        Raises:
            StorageError: The endpoint may not be asked, or the credentials are half.

        """
        values = access.credentials.values
        region = values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION") or ""
        endpoint = _named_endpoint(values)
        if endpoint:
            insecure = not is_on(values, "S3_VERIFY_SSL", default=True)
            endpoint = checked_endpoint(access, source, endpoint, insecure=insecure)
        return _opened(address, access, region, endpoint)

    def elsewhere(self, address: Address, access: Access, region: str) -> Opened | None:
        """Return the store of the bucket in its own region, if AWS says which it is."""
        if _named_endpoint(access.credentials.values):
            return None
        found = region or _asked_region(address.bucket)
        return _opened(address, access, found, "") if found else None


def _opened(address: Address, access: Access, region: str, endpoint: str) -> Opened:
    from obstore.store import S3Store

    values = access.credentials.values
    region = region or _DEFAULT_REGION
    if not _REGION.fullmatch(region):
        raise InvalidUri(
            "AWS_DEFAULT_REGION is not a region", remedy="write it as eu-west-1"
        )
    accelerated = is_on(values, "S3_USE_ACCELERATE") and not endpoint
    virtual = accelerated or is_on(values, "S3_USER_VIRTUAL_BUCKET")
    where = endpoint or _aws_endpoint(region, accelerated=accelerated)
    asked = _with_bucket(where, address.bucket) if virtual else where
    who, provider = identity(access.credentials)
    # Each is given, for obstore fills gaps from the environment.
    config: S3Config = {
        "skip_signature": False,
        **who,
        "endpoint": asked,
        "aws_endpoint_url_s3": asked,
        "region": region,
        "virtual_hosted_style_request": virtual,
    }
    insecure = not is_on(values, "S3_VERIFY_SSL", default=True)
    anonymous = bool(who.get("skip_signature"))
    store = S3Store(
        address.bucket,
        config=config,
        client_options=client_options(
            access,
            asked,
            insecure=insecure,
            # obstore asks for an identity elsewhere, and AWS moves new buckets.
            held=bool(endpoint) and (provider is not None or anonymous),
        ),
        retry_config=retries(access),
        credential_provider=provider,
    )
    return Opened(
        store=store,
        endpoint=asked,
        base=asked if virtual else f"{asked}/{address.bucket}",
        anonymous=anonymous,
        insecure=insecure,
    )


def _named_endpoint(values: Mapping[str, str]) -> str:
    """Return the endpoint of the credentials, with its scheme."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT"):
        if found := values.get(name, "").strip().rstrip("/"):
            if "://" in found:
                return found
            secure = is_on(values, "S3_USE_HTTPS", default=True)
            return f"{'https' if secure else 'http'}://{found}"
    return ""


def _aws_endpoint(region: str, *, accelerated: bool) -> str:
    if accelerated:
        return "https://s3-accelerate.amazonaws.com"
    top = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://s3.{region}.{top}"


def _with_bucket(endpoint: str, bucket: str) -> str:
    scheme, _, host = endpoint.partition("://")
    return endpoint if host.startswith(f"{bucket}.") else f"{scheme}://{bucket}.{host}"


def _asked_region(bucket: str) -> str:
    """Ask AWS in which region *bucket* is; it says so even to strangers."""
    import httpx

    url = f"{_aws_endpoint(_DEFAULT_REGION, accelerated=False)}/{bucket}"
    try:
        answer = httpx.head(url, timeout=_ASK_SECONDS)
    except httpx.HTTPError:
        return ""
    region = answer.headers.get("x-amz-bucket-region", "")
    return region if _REGION.fullmatch(region) else ""
