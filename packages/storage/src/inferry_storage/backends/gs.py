"""Google Cloud Storage."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING

from inferry.storage import InvalidUri, shown_uri
from inferry_storage.backends.objects.address import (
    Address,
    Parts,
    is_on,
    spellings,
)
from inferry_storage.backends.objects.connection import (
    checked_endpoint,
    client_options,
    retries,
)
from inferry_storage.backends.objects.google import identity
from inferry_storage.backends.objects.storage import ObjectStorage, Opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import GCSConfig

    from inferry.storage import Access, Source

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_ENDPOINT = "https://storage.googleapis.com"


class GsStorage(ObjectStorage):
    """Reads ``gs://bucket/key`` with the credentials of its access."""

    def __init__(self, access: Access) -> None:
        super().__init__(access, Gs())


class Gs:
    """What is Google Cloud Storage's own."""

    name = "Google Cloud Storage"
    kind = "bucket"

    def has_md5(self, bucket: str) -> bool:
        """Return True: an object that is composed has an ETag of another length."""
        del bucket
        return True

    def is_md5(self, md5: str, headers: Mapping[str, str]) -> bool:
        """Say whether Google gives the same MD5 beside the ETag."""
        hashes = headers.get("x-goog-hash", "")
        return f"md5={b64encode(bytes.fromhex(md5)).decode()}" in hashes

    def address(self, uri: str) -> Address:
        """Return the bucket and key of ``gs://bucket/key[?generation=…]``.

        Raises:
            StorageError: It names none.

        """
        parts = Parts.of(uri)
        if not _BUCKET.fullmatch(parts.authority):
            raise InvalidUri(
                f"{shown_uri(uri)} names no bucket",
                remedy="write it as gs://bucket/path",
            )
        return Address(
            uri=uri,
            bucket=parts.authority,
            keys=spellings(uri, parts.path),
            folder=parts.path.endswith("/") or not parts.path,
            version=parts.option("generation"),
        )

    def open(self, address: Address, access: Access, source: Source) -> Opened:
        """Return the store of the bucket.

        Raises:
            StorageError: The endpoint may not be asked, or the credentials are broken.

        """
        from obstore.store import GCSStore

        values = access.credentials.values
        endpoint = values.get("STORAGE_EMULATOR_HOST", "").strip().rstrip("/")
        if endpoint and "://" not in endpoint:
            endpoint = f"http://{endpoint}"
        if endpoint:
            checked_endpoint(access, source, endpoint)
        config: GCSConfig = {
            "base_url": endpoint or _ENDPOINT,
            "skip_signature": False,  # not what the environment says
        }
        anonymous = access.credentials.rung == "anonymous" or is_on(
            values, "GOOGLE_ANONYMOUS"
        )
        provider = None
        if anonymous:
            config["skip_signature"] = True
        else:
            key, provider = identity(access.credentials)
            if key:
                config["service_account_key"] = key
        store = GCSStore(
            address.bucket,
            config=config,
            client_options=client_options(
                access,
                config["base_url"],
                held=bool(endpoint) and (provider is not None or anonymous),
            ),
            retry_config=retries(access),
            credential_provider=provider,
        )
        return Opened(
            store=store,
            endpoint=config["base_url"],
            base=f"{config['base_url']}/{address.bucket}",
            anonymous=anonymous,
            # Any other identity asks Google to sign, and may not be allowed to.
            signs=anonymous or "service_account_key" in config,
        )

    def elsewhere(self, address: Address, access: Access, region: str) -> Opened | None:
        """Return None: a bucket has the same address everywhere."""
        del address, access, region
        return None
