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
