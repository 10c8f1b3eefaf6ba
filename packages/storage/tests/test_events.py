"""What a fetch tells programs."""

from __future__ import annotations

import io
import json

from inferry_storage.events import Events
from inferry_storage.progress import Progress


def moment(**more: object) -> Progress:
    return Progress(uri="s3://bucket/model", **more)


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
