"""The page of rights says what the Roles of an install say."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parents[1]
sys.path.insert(0, str(DOCS))

from rights_page import PAGE, write_rights  # noqa: E402 - the folder is no package

LISTS = ("AT_HOME", "EDIT", "IN_CLUSTER", "IN_NAMESPACES", "SECRETS", "VIEW")


def test_the_page_of_rights_is_what_the_roles_are_made_from() -> None:
    """Run ``python docs/rights_page.py`` where this fails."""
    page = PAGE.read_text()
    assert page == write_rights(page)
    assert [name for name in LISTS if f"<!-- rights: {name} -->" not in page] == []
