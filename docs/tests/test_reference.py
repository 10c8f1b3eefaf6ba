"""The documentation says what the code does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1]
REPOSITORY = DOCS.parent
sys.path.insert(0, str(DOCS))

from generate import PAGES, REFERENCE  # noqa: E402 - the folder is no package

LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_is_what_the_code_would_write(page: str) -> None:
    """Run ``python docs/generate.py`` where this fails."""
    assert (REFERENCE / page).read_text() == PAGES[page]()


def pages() -> list[Path]:
    return [
        *REPOSITORY.glob("*.md"),
        *DOCS.glob("**/*.md"),
        *REPOSITORY.glob("examples/**/*.md"),
        *REPOSITORY.glob("packages/*/*.md"),
        *REPOSITORY.glob("packages/runtimes/*/*.md"),
    ]


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_package_has_a_changelog_with_an_entry() -> None:
    empty = [
        str(project.parent.relative_to(REPOSITORY))
        for project in REPOSITORY.glob("packages/**/pyproject.toml")
        if "\n- " not in (project.parent / "CHANGELOG.md").read_text()
    ]
    assert empty == []


def test_every_package_carries_the_licence() -> None:
    """A copy, because no wheel and no sdist may hold a file from outside its folder."""
    licence = (REPOSITORY / "LICENSE").read_text()
    without = [
        str(project.parent.relative_to(REPOSITORY))
        for project in REPOSITORY.glob("packages/**/pyproject.toml")
        if (project.parent / "LICENSE").read_text() != licence
    ]
    assert without == []


def test_every_option_has_a_meaning() -> None:
    """Here every package is installed, so every command is there."""
    page = (REFERENCE / "commands.md").read_text()
    assert "## `inferry run`" in page
    assert [row for row in page.splitlines() if row.endswith("` |  |")] == []


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    named = set(LINK.findall(index))
    written = {str(page.relative_to(DOCS)) for page in DOCS.glob("*/*.md")}
    assert written - named == set()
