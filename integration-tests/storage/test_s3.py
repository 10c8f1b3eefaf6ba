"""S3 servers answer: SeaweedFS, `rclone serve s3` and moto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme
from storage.asking import contents, listed, refused
from storage.servers import Store, rclone, s3_store

from inferry.storage import (
    AccessDenied,
    EmptyModel,
    NotFound,
    Unauthenticated,
    Unreachable,
    UnsafePath,
)
from inferry.testing import StorageTests
from inferry_storage.backends.s3 import S3Storage

if TYPE_CHECKING:
    from pathlib import Path

_TREE = {"a.txt": b"alpha", "sub/b.bin": bytes(range(256)) * 40, "empty.bin": b""}


class _OnServer(StorageTests):
    client = S3Storage
    server = ""

    @pytest.fixture
    def source(self, request: pytest.FixtureRequest) -> str:
        store: Store = request.getfixturevalue(self.server)
        type(self).credentials = store.values
        return f"s3://{store.filled(self.tree, 'model/')}/model"


class TestSeaweedFS(_OnServer):
    server = "seaweedfs"


class TestRclone(_OnServer):
    """It answers a range with 200, so the client asks for the whole and skips."""

    server = "rclone_s3"


class TestMoto(_OnServer):
    server = "moto"


del _OnServer


def test_a_prefix_of_a_name_is_no_folder(seaweedfs: Store) -> None:
    """``model`` matches neither ``model-v2/`` nor ``model.bin``, and names them."""
    bucket = seaweedfs.filled({"model-v2/a": b"a", "model.bin": b"b"})
    error = refused(S3Storage, f"s3://{bucket}/model", seaweedfs.values)
    assert isinstance(error, NotFound)
    assert "near it: 'model-v2/', 'model.bin'" in error.message


def test_the_object_wins_over_the_folder_of_its_name(seaweedfs: Store) -> None:
    """A trailing slash names the folder."""
    bucket = seaweedfs.filled({"model": b"the object", "model/part": b"in the folder"})
    assert contents(S3Storage, f"s3://{bucket}/model", seaweedfs.values) == {
        "model": b"the object"
    }
    assert contents(S3Storage, f"s3://{bucket}/model/", seaweedfs.values) == {
        "part": b"in the folder"
    }


def test_a_bucket_is_a_model(seaweedfs: Store) -> None:
    """A URI without a path is all of the bucket."""
    bucket = seaweedfs.filled(_TREE)
    assert contents(S3Storage, f"s3://{bucket}", seaweedfs.values) == _TREE
    assert contents(S3Storage, f"s3a://{bucket}/", seaweedfs.values) == _TREE


def test_markers_of_folders_are_no_files(seaweedfs: Store) -> None:
    """Objects whose name ends in a slash are left out, empty files are kept."""
    tree = {"m/": b"", "m/sub/": b"", "m/sub/x": b"x", "m/none/": b"", "m/empty": b""}
    bucket = seaweedfs.filled(tree)
    found = listed(S3Storage, f"s3://{bucket}/m", seaweedfs.values)
    assert [entry.path for entry in found.entries] == ["empty", "sub/x"]


def test_a_folder_of_markers_is_empty(seaweedfs: Store) -> None:
    """A model without a file is refused, never served."""
    bucket = seaweedfs.filled({"m/": b"", "m/sub/": b""})
    error = refused(S3Storage, f"s3://{bucket}/m", seaweedfs.values)
    assert isinstance(error, EmptyModel)


def test_names_are_written_as_they_are_or_encoded(seaweedfs: Store) -> None:
    """A space, an umlaut, a percent sign, a question mark and a hash are names too."""
    bucket = seaweedfs.filled({"my model/ü+1#?.txt": b"x", "100%/a": b"y"})
    for path in ("my model/", "my%20model", "my%20model/%C3%BC+1%23%3F.txt"):
        uri = f"s3://{bucket}/{path}"
        assert b"x" in contents(S3Storage, uri, seaweedfs.values).values()
    uri = f"s3://{bucket}/100%"
    assert contents(S3Storage, uri, seaweedfs.values) == {"a": b"y"}


@pytest.mark.parametrize("name", ["m/a//b", "m/../x", "m/./x"])
def test_an_unsafe_name_is_told_and_nothing_is_skipped(moto: Store, name: str) -> None:
    """The object that cannot be written is named."""
    bucket = moto.filled({"m/fine": b"a", name: b"b"})
    uri = f"s3://{bucket}/" if ".." in name else f"s3://{bucket}/m"
    error = refused(S3Storage, uri, moto.values)
    assert isinstance(error, UnsafePath)
    assert repr(name) in error.message


def test_thousands_of_keys_are_listed_in_pages(seaweedfs: Store) -> None:
    """Every page of a listing counts."""
    tree = {f"m/{number:05}": b"x" for number in range(1_234)}
    bucket = seaweedfs.filled(tree)
    found = listed(S3Storage, f"s3://{bucket}/m", seaweedfs.values)
    assert sorted(f"m/{entry.path}" for entry in found.entries) == sorted(tree)
    error = refused(S3Storage, f"s3://{bucket}/m", seaweedfs.values, max_files=1_000)
    assert "more than 1000 files" in error.message


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIAWRONG000"}, Unauthenticated, "InvalidAccessKeyId"),
        (
            {"AWS_SECRET_ACCESS_KEY": "SECRETWRONG0"},
            Unauthenticated,
            "SignatureDoesNotMatch",
        ),
        ({"awsAnonymousCredential": "true"}, Unauthenticated, "was given none"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, Unreachable, "nothing listens"),
    ],
)
def test_what_is_wrong_with_the_credentials_is_told(
    seaweedfs: Store, changes: dict[str, str], kind: type[Exception], said: str
) -> None:
    """A wrong key is no missing object, and never means to ask anonymously."""
    bucket = seaweedfs.filled({"m/a": b"a"})
    for path in ("m", "m/a", "m/"):
        uri = f"s3://{bucket}/{path}"
        error = refused(S3Storage, uri, {**seaweedfs.values, **changes})
        assert isinstance(error, kind)
        assert said in error.message


def test_a_missing_bucket_is_told_apart(seaweedfs: Store) -> None:
    """It is the bucket that is not there, not the model."""
    error = refused(S3Storage, "s3://no-such-bucket-here/m", seaweedfs.values)
    assert isinstance(error, NotFound)
    assert "has no bucket 'no-such-bucket-here' (404 NoSuchBucket)" in error.message


def test_an_etag_is_an_md5_up_to_64_mib_and_above_where_it_is_required(
    seaweedfs: Store,
) -> None:
    """Hashing of what is large costs as much as the download of it."""
    bucket = seaweedfs.filled({"m/a.txt": b"alpha", "m/b": bytes(64 * 2**20 + 1)})
    uri = f"s3://{bucket}/m"
    small, large = listed(S3Storage, uri, seaweedfs.values).entries
    assert small.digest == "md5:2c1743a391305fbf367df8e4f069f9f9"
    assert large.digest is None
    required = listed(S3Storage, uri, seaweedfs.values, require="checksum").entries
    assert required[0].digest == small.digest
    assert required[1].digest == f"md5:{(large.etag or '').strip(chr(34))}"


def test_the_state_of_a_folder_has_one_name(seaweedfs: Store) -> None:
    """The id of a snapshot changes with any file, and with nothing else."""
    bucket = seaweedfs.filled({"m/a": b"a", "m/b": b"b"})
    uri = f"s3://{bucket}/m"
    first = listed(S3Storage, uri, seaweedfs.values)
    assert first.id == listed(S3Storage, f"{uri}/", seaweedfs.values).id
    seaweedfs.put(bucket, "m/b", b"c")
    assert first.id != listed(S3Storage, uri, seaweedfs.values).id


def test_a_private_authority_is_trusted_where_it_is_named(tmp_path: Path) -> None:
    """AWS_CA_BUNDLE is a file; without it the certificate is refused."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    given = ("--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    with rclone(tmp_path, *given, scheme="https") as url:
        store = s3_store(url, verify=str(bundle))
        bucket = store.filled({"m/a": b"alpha"})
        uri = f"s3://{bucket}/m"
        error = refused(S3Storage, uri, store.values)
        assert isinstance(error, Unreachable)
        assert "is not trusted" in error.message
        for more in ({"CA_BUNDLE": str(bundle)}, {"S3_VERIFY_SSL": "0"}):
            found = contents(S3Storage, uri, {**store.values, **more})
            assert found == {"a": b"alpha"}


def test_denied_is_not_unauthenticated(moto: Store) -> None:
    """A known key that may not read is told what it is to be allowed."""
    bucket = moto.filled({"m/a": b"a"})
    values = {**moto.values, "awsAnonymousCredential": "true"}
    error = refused(S3Storage, f"s3://{bucket}/m/a", values)
    assert isinstance(error, AccessDenied)
