"""Names in the cache: equal ones mean equal bytes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from inferry.storage import Entry, Snapshot
from inferry_storage.cache.keys import STRONG, content_key, identity, snapshot_key
from inferry_storage.fetching.selecting import Patterns
from inferry_storage.policy import Policy
from inferry_storage.transfer import digests

POLICY = Policy(cache_dir=Path("/nowhere"))
SNAPSHOT = Snapshot(uri="s3://bucket/model", id="1", entries=())


def key(**more: object) -> str:
    policy = msgspec.structs.replace(POLICY, **more)
    return snapshot_key(SNAPSHOT, policy, Patterns.of(policy, {}))


@pytest.mark.parametrize(
    "changed",
    [
        {"unpack": True},
        {"allow_patterns": ("*.bin",)},
        {"ignore_patterns": ("*.bin",)},
        {"trust": ("s3://bucket/",)},
        {"require": "signature", "signature_identity": "me"},
    ],
)
def test_what_shapes_a_tree_is_in_its_name(changed: dict[str, object]) -> None:
    assert key(**changed) != key()


def test_what_does_not_shape_a_tree_is_not() -> None:
    assert key(workers=1, trust=("s3://other/",), require="digest") == key()


def test_allow_and_ignore_are_not_mixed_up() -> None:
    assert key(allow_patterns=("a",)) != key(ignore_patterns=("a",))


def test_the_key_of_a_signer_counts_by_its_content(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_text("one")
    signed = {"require": "signature", "signature_key": str(pem)}
    first = key(**signed)
    pem.write_text("two")

    assert key(**signed) != first


def test_a_url_that_is_signed_anew_is_the_same() -> None:
    one = "https://me:pw@host/m?X-Amz-Signature=1&X-Amz-Date=2&v=3#part"

    assert identity(one) == identity("https://host/m?X-Amz-Signature=9&v=3")
    assert identity(one) == "https://host/m?v=3"


def test_another_query_is_another_object() -> None:
    assert identity("https://host/m?id=1") != identity("https://host/m?id=2")


def test_a_digest_names_content_wherever_it_is() -> None:
    entry = Entry(path="a", size=1, digest="sha256:AB", etag="x")

    assert content_key(SNAPSHOT, entry) == "sha256:ab"


@pytest.mark.parametrize("digest", [None, "md5:ab", "crc32c:ab", "git-sha1:ab"])
def test_without_a_strong_digest_the_etag_of_the_place_does(digest: str | None) -> None:
    entry = Entry(path="a", size=1, digest=digest, etag='"x"')
    elsewhere = msgspec.structs.replace(SNAPSHOT, uri="s3://bucket/other")

    found = content_key(SNAPSHOT, entry)

    assert found.startswith("etag:")
    assert content_key(elsewhere, entry) != found
    other_size = msgspec.structs.replace(entry, size=2)
    assert content_key(SNAPSHOT, other_size) != found


@pytest.mark.parametrize(
    "entry",
    [
        Entry(path="a", size=1),
        Entry(path="a", size=1, etag='W/"x"'),
        Entry(path="a", etag='"x"'),
    ],
)
def test_where_nothing_says_so_nothing_is_the_same(entry: Entry) -> None:
    assert content_key(SNAPSHOT, entry) == ""


def test_what_only_looks_like_a_signature_is_a_part_of_the_url() -> None:
    assert identity("https://host/m?st=a") != identity("https://host/m?st=b")
    one, other = (f"https://host/m?st={each}&sig={each}" for each in "ab")
    assert identity(one) == identity(other)


def test_an_etag_is_of_the_store_that_was_asked() -> None:
    """Another's store can name a bucket, a key and an ETag as it likes."""
    entry = Entry(path="a", size=1, etag='"x"')
    elsewhere = msgspec.structs.replace(SNAPSHOT, origin="https://evil.example")

    assert content_key(elsewhere, entry) != content_key(SNAPSHOT, entry)


@pytest.mark.parametrize("algorithm", sorted(STRONG))
def test_content_is_named_only_by_what_is_compared(algorithm: str) -> None:
    entry = Entry(path="a", size=1, digest=f"{algorithm}:00")

    assert digests.rung(entry) == "digest"


def test_who_is_trusted_is_in_the_name_as_the_scan_sees_it() -> None:
    """A look-alike of what is trusted is not, nor is it under another case."""
    assert key(trust=("s3://buck",)) == key()
    assert key(trust=("S3://bucket/",)) != key()
