"""Every block of the README, the tutorial and the how-to pages that run is executed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from reader import Reader, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = (
    "README.md",
    "docs/tutorial/first-service.md",
    "docs/how-to/call-over-grpc.md",
    "docs/how-to/run-a-model-server.md",
    "docs/how-to/put-a-transformer-in-front.md",
    "docs/how-to/secure-the-server.md",
    "docs/how-to/serve-a-python-class.md",
    "docs/how-to/serve-several-models.md",
    "docs/how-to/observe.md",
)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    if not shutil.which("curl"):
        pytest.fail("this test needs curl, as a reader does")
    reader = Reader(tmp_path)
    yield reader
    reader.stop()


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_works(reader: Reader, page: str) -> None:
    found = blocks(page)
    assert {"sh", "python", "json"} <= {block.language for block in found}
    for block in found:
        reader.follow(block)
