"""Pointers are read as the specification has them, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry_storage.backends.git.lfs import Pointer, pointer

OID = "ab" * 32
HEAD = "version https://git-lfs.github.com/spec/v1\n"


def test_a_pointer_has_a_digest_and_a_size() -> None:
    text = f"{HEAD}oid sha256:{OID}\nsize 12345\n"
    extended = f"{HEAD}ext-0-foo sha256:{OID}\noid sha256:{OID}\nsize 1\n"

    assert pointer(text.encode()) == Pointer(OID, 12345)
    assert pointer(extended.encode()) == Pointer(OID, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        f"{HEAD}oid sha256:{OID}\n",
        f"{HEAD}oid sha256:{OID[:-1]}\nsize 1\n",
        f"{HEAD}oid md5:{OID}\nsize 1\n",
        f"{HEAD}oid sha256:{OID}\nsize -1\n",
        f"{HEAD}oid sha256:{OID}\nsize {'9' * 16}\n",
        f"{HEAD}oid sha256:{OID}\nsize 1\nmore\n",
        f" {HEAD}oid sha256:{OID}\nsize 1\n",
        f"version https://elsewhere/spec/v1\noid sha256:{OID}\nsize 1\n",
    ],
)
def test_what_is_no_pointer_is_a_file(text: str) -> None:
    assert pointer(text.encode()) is None


@given(st.binary(max_size=1024))
def test_no_bytes_are_taken_for_a_pointer(data: bytes) -> None:
    assert pointer(data) is None
