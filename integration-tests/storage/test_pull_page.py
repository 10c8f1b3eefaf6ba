"""Whoever follows the page about pulling a model is not stopped by any command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reader import blocks
from storage.blobs import Blob
from storage.pulling import surroundings

if TYPE_CHECKING:
    from storage.origin import Origin

PAGE = "docs/how-to/pull-a-model.md"
TREE = {
    "config.json": Blob(12, seed=1),
    "weights.bin": Blob(100_000, seed=2),
    "old/weights.bin": Blob(1000, seed=3),
}


@pytest.fixture
def reader(origin: Origin, tmp_path: Path) -> dict[str, str]:
    """Return the environment of somebody with a cache and that store."""
    origin.blobs |= {f"models/iris/{name}": blob for name, blob in TREE.items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    cache = str(tmp_path / "home" / "models")
    named = {"PATH": path, "INFERRY_STORAGE__CACHE_DIR": cache}
    return surroundings(tmp_path / "home", origin.url, **named)


def test_every_command_of_the_page_runs(reader: dict[str, str], tmp_path: Path) -> None:
    commands = [each.text for each in blocks(PAGE) if each.language == "sh"]
    assert len(commands) == 5
    for text in commands:
        done = run(text, reader, tmp_path)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    pulled = sorted(p.name for p in (tmp_path / "iris-weights").rglob("*.*"))
    assert pulled == ["weights.bin"]


def test_every_mistake_prints_what_the_page_says(
    reader: dict[str, str], tmp_path: Path
) -> None:
    page = Path(__file__).parents[2] / PAGE
    lines = page.read_text().partition("## What mistakes print")[2].splitlines()
    cells = [line.split("|")[1:3] for line in lines if line.startswith("| ")]
    rows = [(w.strip(" `"), p.strip(" `…")) for w, p in cells[1:]]
    assert len(rows) == 6
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "config.json").write_text("mine")
    whole = "pull s3://models/iris"
    for written, printed in rows:
        command = {
            "pull …": f"{whole} file",
            "a folder": f"{whole} full",
            "patterns": f"{whole} other --allow '*.onnx'",
        }
        known = [text for start, text in command.items() if written.startswith(start)]
        done = run(f"inferry storage {(known or [written])[0]}", reader, tmp_path)
        assert done.returncode in {2, 3, 5}, written
        assert printed in done.stderr, f"{written}\n{done.stderr}"


def run(
    text: str, environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run *text* in a shell."""
    return subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
