"""The certificates of a cluster's secret are used, and only those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.cluster import Namenode

from inferry.storage import Access, Credentials, NotAllowed, Source, Unreachable
from inferry_storage.backends.hdfs import HdfsStorage
from inferry_storage.backends.hdfs.tls import context_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Namenode]:
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Namenode(context)
    server.files["/m/a"] = b"data"
    yield server
    server.stop()


async def read(namenode: Namenode, **values: str) -> bytes:
    storage = HdfsStorage(
        Access(
            credentials=Credentials(values={"HDFS_NAMENODE": namenode.url, **values})
        )
    )
    try:
        entry = (await storage.resolve(Source(uri="hdfs://m/a"))).entries[0]
        return b"".join([chunk async for chunk in storage.read(entry, 0, None)])
    finally:
        await storage.close()


async def test_the_cluster_s_authority_and_our_certificate_are_used(
    secure: Namenode, authority: trustme.CA, tmp_path: Path
) -> None:
    ours = authority.issue_cert("client")
    ca = authority.cert_pem.bytes().decode()
    cert = ours.cert_chain_pems[0].bytes().decode()
    key = ours.private_key_pem.bytes().decode()
    (tmp_path / "ca").write_text(ca)
    (tmp_path / "pair").write_text(cert + key)

    assert await read(secure, TLS_CA=ca, TLS_CERT=cert, TLS_KEY=key) == b"data"
    paths = {"TLS_CA": str(tmp_path / "ca"), "TLS_CERT": str(tmp_path / "pair")}
    assert await read(secure, **paths) == b"data"
    skipped = {"TLS_SKIP_VERIFY": "true", "TLS_CERT": cert, "TLS_KEY": key}
    assert await read(secure, **skipped) == b"data"
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        await read(secure, TLS_CERT=cert, TLS_KEY=key)


@pytest.mark.parametrize(
    "values",
    [
        {"TLS_CA": "/no/such/file"},
        {"TLS_CA": "-----BEGIN CERTIFICATE-----\ncanary"},
        {"TLS_CERT": "canary"},
    ],
)
def test_certificates_that_are_none_are_named_without_their_text(
    values: dict[str, str],
) -> None:
    with pytest.raises(NotAllowed, match="TLS_CA") as caught:
        context_of(values)

    assert "canary" not in str(caught.value)


def test_without_certificates_the_usual_ones_are_used() -> None:
    assert context_of({"TLS_SKIP_VERIFY": "false"}) is None
