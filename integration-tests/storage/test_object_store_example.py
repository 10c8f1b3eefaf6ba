"""Whoever follows the example of an object store gets its answer."""

from __future__ import annotations

import runpy
import shutil
from typing import TYPE_CHECKING

import pytest
from reader import Reader, blocks
from running import REPOSITORY
from storage.servers import KEY, SECRET, rclone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Start the store of the page, filled as the page fills it."""
    with rclone(tmp_path) as url:
        bucket = tmp_path / "served" / "models"
        made = runpy.run_path(str(EXAMPLES / "demo" / "make_models.py"))
        made["make_wine"](bucket / "wine")
        yield url.removeprefix("http://")


def test_every_block_of_the_page_works(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "object-store"
    shutil.copytree(EXAMPLES / "object-store", folder)
    given = {
        "127.0.0.1:9000": address,
        "AKIAEXAMPLE0": KEY,
        "secret-of-the-example": SECRET,
    }
    file = folder / "services.yaml"
    file.write_text(replaced(file.read_text(), given))
    reader = Reader(folder)
    reader.environment["HOME"] = str(tmp_path)
    reader.environment.pop("AWS_CA_BUNDLE", None)
    shown = []
    try:
        for block in blocks("examples/object-store/README.md"):
            if block.language == "sh" and "export" in block.text:
                reader.execute(replaced(block.text, given))
            else:
                reader.follow(block)
            shown.append(reader.printed)
    finally:
        reader.stop()
    assert shown[0].split()[-1] == "model.skops"
    assert "s3://models/wine was fetched: 24 KiB, verified by" in shown[-1]
    assert "s3://models/wine" in shown[-1]
    assert SECRET not in "".join(shown)


def replaced(text: str, given: dict[str, str]) -> str:
    """Put what is in *given* in the place of what the page has."""
    for before, after in given.items():
        text = text.replace(before, after)
    return text
