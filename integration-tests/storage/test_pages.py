"""Whoever follows the pages about object stores sees what they show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reader import blocks
from storage.pulling import surroundings

if TYPE_CHECKING:
    from storage.servers import Store

_TREE = {"mnist/config.json": b'{"a": "b"}\n', "mnist/weights/part-1.bin": bytes(1024)}
#: Page -> the server it is read with, the bucket, and what the page takes as given.
_PAGES = {
    "serve-from-s3.md": ("seaweedfs", "models"),
    "serve-from-gcs.md": ("fake_gcs", "models-of-ours"),
    "serve-from-azure.md": ("azurite", "models"),
}


@pytest.mark.parametrize("page", _PAGES)
def test_every_command_of_the_page_prints_what_it_shows(
    page: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server, bucket = _PAGES[page]
    store: Store = request.getfixturevalue(server)
    store.make(bucket)
    for name, data in _TREE.items():
        store.put(bucket, name, data)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = surroundings(tmp_path / "home", **{**store.values, "PATH": path})
    found = [each for each in blocks(f"docs/how-to/{page}") if each.language != "yaml"]
    commands, shown = found[::2], found[1::2]
    assert len(commands) == len(shown) >= 3
    for command, text in zip(commands, shown, strict=True):
        assert (command.language, text.language) == ("sh", "text")
        done = subprocess.run(
            ["bash", "-ec", command.text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert bool(done.returncode) == text.text.startswith("error:"), done.stderr
        printed = iter((done.stdout + done.stderr).splitlines())
        for line in text.text.splitlines():
            # Lines between may be left out on the page, their order may not change.
            assert line in printed, f"{line}\n\n{done.stdout}{done.stderr}"
