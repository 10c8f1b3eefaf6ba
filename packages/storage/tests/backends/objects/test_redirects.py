"""A store may not send us where its own address would not have let us go."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from fakes.bucket import Bucket
from fakes.site import Answer, Site

from inferry.storage import Access, BlockedAddress, Credentials, Source
from inferry_storage.backends.s3 import S3Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme


class Metadata(Site):
    """What a cloud has at an address that only this machine reaches."""

    def respond(self, asked: object) -> Answer:
        del asked
        modified = "Sat, 21 Nov 2026 10:00:00 GMT"
        return Answer(200, b"keys", {"ETag": '"x"', "Last-Modified": modified})


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    server = Metadata()
    yield server
    server.stop()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Bucket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = Bucket(context)
    yield server
    server.stop()


async def test_a_store_sends_nobody_to_plain_http(
    secure: Bucket, metadata: Metadata, authority: trustme.CA
) -> None:
    bundle = authority.cert_pem.bytes().decode()
    values = {**secure.values, "AWS_CA_BUNDLE": bundle}
    client = S3Storage(Access(credentials=Credentials(rung="secret", values=values)))
    away = Answer(307, b"", {"Location": f"{metadata.url}/latest/"})
    secure.faults = [lambda _: away] * 4

    with pytest.raises(BlockedAddress, match="redirects"):
        await client.resolve(Source(uri="s3://models/m"))

    assert metadata.asked == []
