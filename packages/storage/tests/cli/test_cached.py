"""`inferry storage cache`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inferry_storage.cache import locks

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shelf


@pytest.fixture
def pulled(command: Any, shelf: Shelf, dest: Path) -> str:
    """Pull through the cache; return the key of what it holds then."""
    assert command("pull", shelf.uri(), str(dest)).exit_code == 0
    (tree,) = (command.cache / "snapshots").iterdir()
    return tree.name


def listed(command: Any) -> list[str]:
    return [each["key"] for each in json.loads(command("cache", "ls", "--json").stdout)]


def test_ls_shows_what_is_kept(command: Any, shelf: Shelf, pulled: str) -> None:
    shown = command("cache", "ls")

    header, row = shown.stdout.splitlines()
    assert header.split() == ["KEY", "SIZE", "FILES", "USED", "URI"]
    assert row.startswith(pulled[:12])
    assert "264 KiB   4 " in row
    assert row.endswith(shelf.uri())
    assert f"264 KiB in {command.cache}" in shown.stderr


def test_what_is_in_use_is_shown_and_stays(
    command: Any, shelf: Shelf, pulled: str
) -> None:
    lease = locks.take(command.cache / "locks" / f"{pulled}.lease", shared=True)
    assert lease is not None
    with lease:
        assert "in use" in command("cache", "ls").stdout
        refused = command("cache", "rm", shelf.uri())
        assert refused.exit_code == 5
        assert "is in use" in refused.stderr
        assert "nothing to remove" in command("cache", "gc", "--all").stdout

    assert listed(command) == [pulled]


def test_an_empty_cache_says_so(command: Any) -> None:
    assert "holds no models" in command("cache", "ls").stdout


@pytest.mark.parametrize("by", ["uri", "key"])
def test_rm_takes_a_uri_or_a_key(
    command: Any, shelf: Shelf, pulled: str, by: str
) -> None:
    which = shelf.uri("?token=secret") if by == "uri" else pulled[:8]

    result = command("cache", "rm", which)

    assert result.stdout == f"removed {shelf.uri()}, 264 KiB\n"
    assert listed(command) == []


@pytest.mark.parametrize("which", ["s3://bucket/none", "abcdef", ""])
def test_rm_of_what_is_not_there(command: Any, pulled: str, which: str) -> None:
    result = command("cache", "rm", which)

    assert result.exit_code == 3
    assert "cache ls" in result.stderr
    assert listed(command) == [pulled]


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ((), 1),
        (("--keep", "1MB"), 1),
        (("--keep", "100KiB"), 0),
        (("--older", "7d"), 1),
        (("--older", "0s"), 0),
        (("--all",), 0),
    ],
)
def test_gc_removes_what_it_is_told(
    command: Any, pulled: str, arguments: tuple[str, ...], left: int
) -> None:
    result = command("cache", "gc", *arguments)

    assert result.exit_code == 0
    assert len(listed(command)) == left


def test_gc_goes_by_the_setting(
    command: Any, pulled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERRY_STORAGE__CACHE_BYTES", "1000")

    gone = json.loads(command("cache", "gc", "--json").stdout)

    assert [each["key"] for each in gone] == [pulled]


@pytest.mark.parametrize("wrong", ["lots", "20XB", "-1"])
def test_gc_wants_an_amount(command: Any, wrong: str) -> None:
    assert command("cache", "gc", "--keep", wrong).exit_code == 2
