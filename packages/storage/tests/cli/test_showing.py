"""How a fetch is shown."""

from __future__ import annotations

import io
import json

import pytest

from inferry_storage.cli.showing import Events, said
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
    ],
)
def test_a_moment_in_words(now: Progress, words: str) -> None:
    assert said(now) == words


def test_events_tell_phases_and_little_in_between() -> None:
    stream = io.StringIO()
    events = Events(stream, every=3600)

    for count in range(3):
        events.progress(moment(phase="fetching", done_bytes=count))
    events.progress(moment(phase="verifying", done_bytes=3))

    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each["phase"], each["done_bytes"]) for each in told] == [
        ("fetching", 0),
        ("verifying", 3),
    ]


def test_events_go_on_in_a_long_phase() -> None:
    stream = io.StringIO()
    events = Events(stream, every=0)

    for count in range(3):
        events.progress(moment(phase="fetching", done_bytes=count))

    assert len(stream.getvalue().splitlines()) == 3
