"""What others wrote, on the terminal of whoever reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.cli.logs import harmless


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[2Jcleared", "\\x1b[2Jcleared"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("back\x08space\r", "back\\x08space\\r"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_a_log_may_colour_a_terminal_and_nothing_else(line: str, shown: str) -> None:
    assert harmless(line) == shown


@given(st.text())
def test_what_is_harmless_stays_so(line: str) -> None:
    assert harmless(harmless(line)) == harmless(line)
