"""An error is told with the user's own line."""

from __future__ import annotations

from pathlib import Path

from inferry_runtime_python import _where


def fail() -> None:
    int("x")


def test_the_last_own_line_is_named() -> None:
    here = Path(__file__).resolve()
    try:
        fail()
    except ValueError as error:
        said = _where.described(error, here.parent)

    assert said.startswith("test_where.py:11: ValueError: invalid literal")


def test_an_error_from_elsewhere_has_no_line(tmp_path: Path) -> None:
    assert _where.described(ValueError("a\nb"), tmp_path) == "ValueError: a"
    assert _where.described(ValueError(), tmp_path) == "ValueError"
