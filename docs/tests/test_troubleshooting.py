"""The page of what goes wrong on a cluster has every reason that can."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inferry.status import FATAL, SERVER_EXITS, Reason

PAGE = Path(__file__).parents[1] / "how-to" / "troubleshoot-on-kubernetes.md"


def rows() -> list[list[str]]:
    """Return the cells of every row of every table."""
    lines = PAGE.read_text().splitlines()
    found = [
        [c.strip() for c in line.split("|")[1:-1]] for line in lines if "|" in line
    ]
    return [cells for cells in found if cells and cells[0].startswith("`")]


@pytest.mark.parametrize("reason", sorted(FATAL))
def test_each_reason_is_on_the_page(reason: Reason) -> None:
    assert f"`{reason}`" in PAGE.read_text()


def test_only_reasons_are_in_the_tables() -> None:
    named = {word for cells in rows() for word in re.findall(r"`(\w+)`", cells[0])}
    assert named <= set(Reason)


def test_each_exit_code_of_the_server_is_that_of_its_reason() -> None:
    codes = {
        int(code): cells[0].strip("`")
        for cells in rows()
        if len(cells) == 3
        for code in re.findall(r"\b2\d\b", cells[1])
    }
    assert codes == {code: str(reason) for code, reason in SERVER_EXITS.items()}
