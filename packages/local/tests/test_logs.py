"""Log files of replicas, read as one stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry_local.logs import LogReader, bound, last_bytes, lines

if TYPE_CHECKING:
    from pathlib import Path


def test_each_replica_gives_its_last_lines_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "a-1.log").write_text("one\ntwo\nthree\n")
    (tmp_path / "b-2.log").write_text("four\n")
    found = LogReader(tmp_path, tail=2).first()
    assert sorted(found) == ["[a-1] three", "[a-1] two", "[b-2] four"]


def test_a_line_is_given_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("half")
    reader = LogReader(tmp_path)
    assert reader.first() == []
    with path.open("a") as file:
        file.write(" and half\nnext")
    assert reader.more() == ["[a] half and half"]


async def test_lines_that_come_later_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("first\n")
    found = []
    async with asyncio.timeout(5):
        async for line in lines(tmp_path, follow=True, tail=None):
            found.append(line)
            (tmp_path / "b.log").write_text("second\n")
            if len(found) == 2:
                break
    assert found == ["[a] first", "[b] second"]


async def test_the_last_line_needs_no_end_once_nobody_follows(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("whole\nnot whole")
    found = [line async for line in lines(tmp_path, follow=False, tail=None)]
    assert found == ["[a] whole", "[a] not whole"]


def test_the_end_of_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert last_bytes(tmp_path / "none") == ""
    (tmp_path / "some").write_text("0123456789")
    assert last_bytes(tmp_path / "some", 3) == "789"


def test_a_log_that_is_full_begins_anew_and_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "service" / "a.log"
    path.parent.mkdir()
    with path.open("a") as writer:
        writer.write("old\n" * 100)
        writer.flush()
        reader = LogReader(path.parent)
        assert len(reader.first()) == 100
        bound(tmp_path, most=300)
        writer.write("new\n")
    note, *rest = reader.more()
    assert "log is full" in note
    assert rest == ["[a] new"]
    bound(tmp_path, most=300)
    assert path.read_text().endswith("new\n")
