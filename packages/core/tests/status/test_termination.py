"""What a container says when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.status import (
    SERVER_EXITS,
    STORAGE_EXITS,
    Reason,
    Termination,
    exit_code,
    read_termination,
    write_termination,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "termination-log"
    monkeypatch.setenv("TERMINATION_MESSAGE_PATH", str(path))
    return path


def test_what_is_written_is_read_again_as_one_line(message: Path) -> None:
    message.write_text("of the run before, and longer than what comes now")
    write_termination(Reason.ModelCorrupt, "the file\n cannot be read")
    text = message.read_text()
    assert text == "ModelCorrupt: the file cannot be read"
    assert read_termination(text) == Termination(
        "ModelCorrupt", "the file cannot be read"
    )


def test_what_to_do_stands_on_a_line_of_its_own(message: Path) -> None:
    message.touch()
    write_termination(Reason.ModelUnsafe, "it is a pickle", "allow it\nby name")
    assert message.read_text() == "ModelUnsafe: it is a pickle\nallow it by name"
    assert read_termination(message.read_text()) == Termination(
        "ModelUnsafe", "it is a pickle", "allow it by name"
    )


def test_no_file_is_made_and_no_link_followed(message: Path, tmp_path: Path) -> None:
    write_termination(Reason.ModelCorrupt, "broken")
    assert not message.exists()
    target = tmp_path / "target"
    target.touch()
    message.symlink_to(target)
    write_termination(Reason.ModelCorrupt, "broken")
    assert target.read_text() == ""


def test_a_message_is_no_longer_than_a_pod_keeps(message: Path) -> None:
    message.touch()
    write_termination("", "ä" * 5000)
    assert len(message.read_bytes()) == 4096


@pytest.mark.parametrize("text", ["", "OSError: disk", "no colon", "Ready: to go"])
def test_what_others_write_names_no_reason(text: str) -> None:
    assert read_termination(text) == Termination("", text)


@pytest.mark.parametrize("code", SERVER_EXITS)
def test_each_exit_code_of_a_server_is_that_of_one_reason(code: int) -> None:
    assert exit_code(SERVER_EXITS[code]) == code


def test_a_reason_without_a_code_ends_as_a_failed_load() -> None:
    assert exit_code("Unheard") == exit_code(Reason.ModelLoadFailed)


def test_no_code_means_two_things() -> None:
    assert not SERVER_EXITS.keys() & STORAGE_EXITS.keys()


def test_no_terminal_obeys_what_a_container_wrote() -> None:
    said = read_termination("ModelCorrupt: \x1b[2Jgone\n\x07retry")
    assert said == Termination("ModelCorrupt", "\\x1b[2Jgone", "\\x07retry")
