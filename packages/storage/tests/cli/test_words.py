"""Bytes and times, for people."""

from __future__ import annotations

import pytest

from inferry_storage.cli.words import amount, files


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (10 * 1024, "10 KiB"),
        (1536 * 1024, "1.5 MiB"),
        (27 * 2**30, "27 GiB"),
        (5000 * 2**50, "5000 PiB"),
    ],
)
def test_an_amount(count: int, words: str) -> None:
    assert amount(count) == words


def test_one_file_is_one_file() -> None:
    assert (files(1), files(2)) == ("1 file", "2 files")
