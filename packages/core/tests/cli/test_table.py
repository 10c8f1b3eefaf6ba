"""Tables: aligned text in a pipe, rich on a terminal, nothing cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.cli._table import print_table

if TYPE_CHECKING:
    import pytest

HEADER = ("NAME", "STATUS", "WHY")
ROWS = [("onnx", "loaded", ""), ("broken-one", "failed", "")]


def test_a_pipe_gets_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, ROWS)
    assert capsys.readouterr().out == (
        "NAME         STATUS\nonnx         loaded\nbroken-one   failed\n"
    )


def test_a_terminal_gets_the_same_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry.cli._table._is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    why = "a sentence that is longer than the terminal is wide"
    print_table(HEADER, [("onnx", "[red]", why)])
    words = capsys.readouterr().out.split()
    assert {"NAME", "STATUS", "WHY", "onnx", "[red]"} <= set(words)


def test_no_rows_leave_the_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, [])
    assert capsys.readouterr().out == "NAME   STATUS   WHY\n"
