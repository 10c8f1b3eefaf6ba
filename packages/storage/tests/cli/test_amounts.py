"""Bytes and times, as they are given on a command line."""

from __future__ import annotations

import click
import pytest

from inferry_storage.cli.amounts import Amount, Length


@pytest.mark.parametrize(
    ("text", "count"),
    [("1024", 1024), ("1KB", 1000), ("1KiB", 1024), ("1.5GiB", 3 * 2**29), ("2M", 2e6)],
)
def test_an_amount_is_read(text: str, count: int) -> None:
    assert Amount().convert(text, None, None) == count


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("7d", 604_800), ("1w", 604_800)]
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert Length().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-1d"])
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Length().convert(text, None, None)
