"""How far a fetch is, from its log."""

from __future__ import annotations

import json

import pytest
from inferry_controller.observing.progress import fetched_share


def told(done: int, total: int | None) -> bytes:
    line = {"event": "progress", "uri": "s3://b", "done_bytes": done}
    return json.dumps(line | {"total_bytes": total}).encode()


def test_the_last_line_that_tells_counts() -> None:
    assert fetched_share([told(1, 4), told(2, 4), b"a line of a library"]) == 0.5


def test_an_end_is_all_of_it() -> None:
    assert fetched_share([told(1, 4), b'{"event": "done"}']) == 1.0


@pytest.mark.parametrize("line", [b"", b"[1]", told(3, None), told(3, 0), b"\xff"])
def test_a_line_that_tells_nothing_is_nothing(line: bytes) -> None:
    assert fetched_share([line]) is None
