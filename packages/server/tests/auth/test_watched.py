"""Files that change under a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.errors import SettingsError
from inferry_server.auth.watched import Watched

if TYPE_CHECKING:
    from pathlib import Path


def number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SettingsError("it is no number") from None


def test_a_change_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    watched = Watched(str(path), number, "the file", interval=0)
    assert watched.value == 1
    path.write_text("12")
    assert watched.value == 12


def test_it_is_looked_at_once_in_an_interval(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    watched = Watched(str(path), number, "the file", interval=60)
    path.write_text("12")
    assert watched.value == 1


@pytest.mark.parametrize("broken", ["twelve", None])
def test_what_cannot_be_read_changes_nothing(
    broken: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    watched = Watched(str(path), number, "the file", interval=0)
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    assert watched.value == 1
    assert "stays in force" in caplog.text
    path.write_text("123")
    assert watched.value == 123


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"the file .* cannot be read"):
        Watched(str(tmp_path), number, "the file")
