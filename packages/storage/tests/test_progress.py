"""Progress is told, but not too often."""

from __future__ import annotations

import threading

import pytest

from inferry_storage.progress import Progress, Reporter


def test_the_total_is_known_where_all_sizes_are() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [10, 20], told.append)

    reporter.arrived(10)
    reporter.file_done()
    reporter.report()

    last = told[-1]
    assert (last.done_bytes, last.total_bytes) == (10, 30)
    assert (last.files_done, last.files_total) == (1, 2)


def test_the_total_is_unknown_where_a_size_is() -> None:
    told: list[Progress] = []

    Reporter("u", [10, None], told.append).report()

    assert told[0].total_bytes is None


def test_many_chunks_and_files_are_told_seldom() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [None], told.append)

    for _ in range(10_000):
        reporter.arrived(1)
        reporter.file_done()

    assert len(told) < 100


def test_a_phase_is_told_at_once() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [], told.append)

    reporter.enter("resolving")
    reporter.expect([1, 2])
    reporter.enter("fetching")

    assert [(each.phase, each.total_bytes) for each in told] == [
        ("resolving", None),
        ("fetching", 3),
    ]


def test_what_was_here_counts_as_done_and_not_as_fetched() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [30], told.append)

    reporter.found(10)
    reporter.arrived(5)
    reporter.arrived(-5)
    reporter.report()

    assert (told[-1].done_bytes, reporter.fetched) == (10, 5)


def test_the_rate_is_of_what_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("inferry_storage.progress.time.monotonic", lambda: now[0])
    told: list[Progress] = []
    reporter = Reporter("u", [None], told.append)
    for _ in range(100):
        now[0] += 0.2
        reporter.arrived(1000)

    assert told[-1].rate_bytes == pytest.approx(5000)


def test_what_nobody_has_listed_yet_has_no_total() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", tell=told.append)

    reporter.enter("resolving")
    reporter.expect([0, 3])
    reporter.enter("fetching")

    assert [each.total_bytes for each in told] == [None, 3]


def test_the_time_of_a_listing_is_not_of_the_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("inferry_storage.progress.time.monotonic", lambda: now[0])
    told: list[Progress] = []
    reporter = Reporter("u", [None], told.append)
    reporter.enter("resolving")
    now[0] += 3.0
    reporter.enter("fetching")
    now[0] += 1.0
    reporter.arrived(1000)

    assert told[-1].rate_bytes == pytest.approx(1000)


def test_retries_are_told() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [], told.append)
    reporter.retried()
    reporter.report()

    assert told[-1].retries == 1


def test_a_uri_is_shown_without_what_may_be_secret() -> None:
    told: list[Progress] = []
    Reporter("s3://me:pass@host/a?sig=1", [], told.append).report()

    assert told[0].uri == "s3://host/a"


def test_threads_count_without_loss_and_tell_nothing() -> None:
    told: list[Progress] = []
    reporter = Reporter("u", [None], told.append)

    def count() -> None:
        for _ in range(2000):
            reporter.count(1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert (reporter.done_bytes, told) == (8000, [])
