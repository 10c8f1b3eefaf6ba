"""Progress is told, but not too often."""

from __future__ import annotations

from inferry_storage.progress import Progress, Reporter


def test_the_total_is_known_where_all_sizes_are() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [10, 20], told.append)

    reporter.arrived(10)
    reporter.file_done()

    assert told[-1] == Progress(
        uri="u", done_bytes=10, total_bytes=30, files_done=1, files_total=2
    )


def test_the_total_is_unknown_where_a_size_is() -> None:
    told: list[Progress] = []

    Reporter("u", [10, None], told.append).report()

    assert told[0].total_bytes is None


def test_many_chunks_are_told_seldom() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [None], told.append)

    for _ in range(10_000):
        reporter.arrived(1)

    assert len(told) < 100
