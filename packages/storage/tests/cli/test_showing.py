"""How a fetch is shown."""

from __future__ import annotations

import pytest

from inferry_storage.cli.showing import said
from inferry_storage.progress import Progress


def moment(**more: object) -> Progress:
    return Progress(uri="s3://bucket/model", **more)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (moment(phase="resolving"), ""),
        (moment(phase="waiting"), "another process is fetching the same model"),
        (moment(done_bytes=512, total_bytes=2048), "512 B of 2.0 KiB"),
        (moment(done_bytes=512, files_total=1), "512 B"),
        (
            moment(
                done_bytes=5, files_done=1, files_total=3, rate_bytes=2e7, retries=2
            ),
            "5 B  1/3 files  19 MiB/s  2 retries",
        ),
        (
            moment(done_bytes=1024, total_bytes=31 * 1024, rate_bytes=1024.0),
            "1.0 KiB of 31 KiB  1.0 KiB/s  30s left",
        ),
    ],
)
def test_a_moment_in_words(now: Progress, words: str) -> None:
    assert said(now) == words
