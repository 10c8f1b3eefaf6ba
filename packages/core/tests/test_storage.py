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
