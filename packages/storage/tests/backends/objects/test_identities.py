"""Identities of clusters, asked for at servers that give them as clouds do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.site import Answer, Asked, Site

from inferry.errors import StorageError
from inferry.storage import Access, Credentials, Source, Unauthenticated
from inferry_storage.backends.azure import AzureStorage
from inferry_storage.backends.s3 import S3Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.bucket import Bucket

_KEYS = {
    "AccessKeyId": "ASIAPOD",
    "SecretAccessKey": "SECRETPOD",
    "Token": "TOKENPOD",
    "Expiration": "2099-01-01T00:00:00Z",
}


class Giver(Site):
    """Gives keys of AWS or a token of Azure to who shows the token of the pod."""

    def respond(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            if asked.headers.get("authorization") != "pod-token":
                return Answer(401)
            return Answer.json(_KEYS)
        if b"client_assertion=pod-token" not in asked.body:
            return Answer(401)
        given = {"access_token": "AZURE-TOKEN", "expires_in": 3600}
        return Answer.json({**given, "token_type": "Bearer"})


class Blobs(Site):
    """Lists one blob to whoever has the token."""

    def respond(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Bearer AZURE-TOKEN":
            return Answer(403)
        listed = (
            "<EnumerationResults><Blobs><Blob><Name>m/a</Name><Properties>"
            "<Last-Modified>Sat, 21 Nov 2026 10:00:00 GMT</Last-Modified>"
            "<Content-Length>1</Content-Length><Content-Type>x</Content-Type>"
            "<Etag>0x1</Etag></Properties></Blob></Blobs><NextMarker />"
            "</EnumerationResults>"
        )
        return Answer(200, listed.encode(), {"Content-Type": "application/xml"})


@pytest.fixture
def giver() -> Iterator[Giver]:
    server = Giver()
    yield server
    server.stop()


@pytest.fixture
def blobs() -> Iterator[Blobs]:
    server = Blobs()
    yield server
    server.stop()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("pod-token")
    return path


@pytest.fixture
def stale(token: Path) -> Path:
    token.write_text("stale-token")
    return token


def _access(**values: str) -> Access:
    return Access(credentials=Credentials(rung="ambient", values=values))


async def test_the_identity_of_a_pod_reads_a_bucket(
    bucket: Bucket, giver: Giver, token: Path
) -> None:
    bucket.objects = {"m": b"1"}
    access = _access(
        AWS_ENDPOINT_URL=bucket.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{giver.port}/keys",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token),
    )
    found = await S3Storage(access).resolve(Source(uri="s3://models/m"))
    assert [entry.path for entry in found.entries] == ["m"]
    for each in bucket.asked:
        assert "ASIAPOD/" in each.headers["authorization"]
        assert each.headers["x-amz-security-token"] == "TOKENPOD"


async def test_a_pod_that_nobody_knows_is_told_so(
    bucket: Bucket, giver: Giver, stale: Path
) -> None:
    access = _access(
        AWS_ENDPOINT_URL=bucket.url,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{giver.port}/keys",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(stale),
    )
    with pytest.raises(StorageError) as caught:
        await S3Storage(access).resolve(Source(uri="s3://models/m"))
    assert isinstance(caught.value, Unauthenticated)
    assert "of step 'ambient' cannot be had" in caught.value.message
    assert "stale-token" not in str(caught.value)
    assert bucket.asked == []


async def test_a_workload_identity_reads_a_container(
    blobs: Blobs, giver: Giver, token: Path
) -> None:
    access = _access(
        AZURE_SERVICE_URL=f"{blobs.url}/acme",
        AZURE_TENANT_ID="tenant",
        AZURE_CLIENT_ID="client",
        AZURE_FEDERATED_TOKEN_FILE=str(token),
        AZURE_AUTHORITY_HOST=giver.url,
    )
    found = await AzureStorage(access).resolve(Source(uri="az://models/m/"))
    assert [entry.path for entry in found.entries] == ["a"]
    assert giver.asked[0].path == "/tenant/oauth2/v2.0/token"
