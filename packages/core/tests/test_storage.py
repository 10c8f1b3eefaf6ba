"""A URI is shown without what may be secret."""

from __future__ import annotations

import pytest

from inferry.storage import Source, shown_uri, uri_scheme


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://host/a.onnx", "https://host/a.onnx"),
        ("https://me:secret@host:8443/a?sig=secret#x", "https://host:8443/a"),
        ("https://[broken", "https://…"),
        ("./a?b", "./a?b"),
        ("file:///a b/ü", "file:///a b/ü"),
        ("abfss://models@acct.dfs.net/a?sig=x", "abfss://models@acct.dfs.net/a"),
        ("abfss://models:secret@acct.dfs.net/a", "abfss://acct.dfs.net/a"),
        ("https://models@acct.dfs.net/a", "https://acct.dfs.net/a"),
        ("hf://org/name@main", "hf://org/name@main"),
        ("oci://host:5000/a:tag@sha256:ab?x=y@z", "oci://host:5000/a:tag@sha256:ab"),
        ("https://[::1]:8443/a.git@main", "https://[::1]:8443/a.git@main"),
        ("https://me:sec/ret@host/a", "https://…"),
        ("https://me:sec#ret@host/a", "https://…"),
        ("https://sec?ret@host/a", "https://…"),
        ("s3:///me:secret@host/a", "s3:///host/a"),
        ("s3:////me:sec#ret@host/a", "s3://…"),
        ("h ttps://me:secret@host/a?secret", "…://host/a"),
        ("\x01https://me:secret@host/a", "…://host/a"),
        ("https:/me:secret@host/a", "https:/…@host/a"),
        ("me:secret@host/a", "…@host/a"),
        ("s3://a/\x1b[31m\nerror: b\u202e", r"s3://a/\x1b[31m\nerror: b\u202e"),
    ],
)
def test_secrets_are_not_shown(uri: str, shown: str) -> None:
    assert shown_uri(uri) == shown


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://a/b", "s3"),
        ("HTTPS://a", "https"),
        ("oci+native://a", "oci+native"),
        ("/a/b", "file"),
        ("./a", "file"),
        ("a/b:c", "file"),
    ],
)
def test_the_scheme_of_a_uri(uri: str, expected: str) -> None:
    assert uri_scheme(uri) == expected


def test_the_repr_of_a_source_holds_no_secret() -> None:
    source = Source(uri="s3://me:secret@host/a?sig=secret", parameters={"k": "secret"})
    assert repr(source) == "Source(uri='s3://host/a', mount_path='/mnt/models')"
