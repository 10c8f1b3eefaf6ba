"""Code is refused, unless the operator or the service trusts where it is from."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from inferry.storage import UnsafeFormat
from inferry_storage.checking import scanning

EVIL = pickle.dumps(pickle.loads)


def test_the_first_file_with_code_is_named(folder: Any, policy: Any) -> None:
    root = folder({"a/model.pkl": EVIL, "b.py": b"", "c.bin": b"data"})

    with pytest.raises(UnsafeFormat) as caught:
        scanning.scan(root, "https://me:s3cret@host/m?sig=s3cret", policy())

    said = str(caught.value)
    assert said.startswith("https://host/m: 'b.py' is code (and 1 more files)")
    assert "s3cret" not in said
    assert '[storage] trust = ["https://host/m"]' in said


def test_a_trusted_source_is_not_scanned(folder: Any, policy: Any) -> None:
    root = folder({"model.pkl": EVIL})

    scanning.scan(root, "s3://ours/m", policy(trust=("s3://ours/",)))
    scanning.scan(root, "s3://theirs/m", policy(), trusted=True)


def test_the_files_of_the_engine_are_not_scanned(folder: Any, policy: Any) -> None:
    root = folder({".journal": EVIL, ".inferry-x/a.py": b"", "model.bin": b"x"})

    scanning.scan(root, "s3://b/m", policy())


@pytest.mark.parametrize(
    ("uri", "trust", "trusted"),
    [
        ("s3://ours/m", "s3://ours/", True),
        ("s3://ours/m", "s3://ours", True),
        ("s3://ours", "s3://ours", True),
        ("S3://ours/m", "s3://ours/", True),
        ("s3://ours/models/m", "s3://ours/models", True),
        ("s3://ours/models-evil/m", "s3://ours/models", False),
        ("s3://ours-evil/m", "s3://ours", False),
        ("s3://theirs/ours/m", "s3://ours", False),
        ("https://host@evil/m", "https://host", False),
        ("https://host:8443/m", "https://host", False),
        ("https://host.evil/m", "https://host", False),
        ("https://host/ours/../theirs", "https://host/ours/", False),
        ("https://host/ours/%2e%2e/theirs", "https://host/ours/", False),
        ("https://host/ours/..\\theirs", "https://host/ours/", False),
        ("http://host/m", "https://host", False),
        ("hf://org/model@main", "hf://org/model", True),
        ("hf://org/model-evil", "hf://org/model", False),
        ("oci://registry/ours:1", "oci://registry/ours", True),
        ("hf://any/model", "hf://", True),
        ("s3://ours/m", "", False),
        ("s3://ours/m", "ours", False),
    ],
)
def test_trust_is_the_beginning_of_a_uri(uri: str, trust: str, trusted: bool) -> None:  # noqa: FBT001 - what is expected
    assert scanning.is_trusted(uri, (trust,)) == trusted
