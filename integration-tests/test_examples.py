"""Every example is valid and answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from reader import Reader, blocks
from running import INFERRY, REPOSITORY, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Running

TRANSFORMER = REPOSITORY / "examples" / "transformer"
QUICK = REPOSITORY / "examples" / "quick"


@pytest.mark.parametrize(
    "file",
    sorted(REPOSITORY.glob("examples/*/*.yaml")),
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_an_example_is_valid(file: str) -> None:
    done = subprocess.run(
        [*INFERRY, "validate", str(file)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_quick_class_and_its_yaml_serve_together(
    run: Callable[..., Running],
) -> None:
    running = run(
        str(QUICK / "service.yaml"),
        f"{QUICK / 'model.py'}:Doubler",
        "--name",
        "twin",
        INFERRY_PLUGINS__PYTHON__TRUST=str(QUICK),
    )
    for name in ("doubler", "twin"):
        running.wait(name, "Ready")
        answer = running.post(f"/v1/models/{name}:predict", {"instances": [1, 2.5]})
        assert answer.json() == {"predictions": [2, 5]}


def test_every_block_of_the_transformer_works(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    folder = tmp_path / "transformer"
    shutil.copytree(REPOSITORY / "examples" / "demo" / "models", demo / "models")
    shutil.copytree(TRANSFORMER, folder)
    reader = Reader(folder)
    try:
        for block in blocks("examples/transformer/README.md"):
            reader.follow(block)
    finally:
        reader.stop()
    owed = json.loads(reader.printed)["explanations"][0]
    assert owed["proline"] > 0.01
    assert owed["ash"] == 0


def test_every_block_of_the_data_plane_works(tmp_path: Path) -> None:
    folder = tmp_path / "data-plane"
    shutil.copytree(REPOSITORY / "examples" / "data-plane", folder)
    reader = Reader(folder)
    shown = expected = ""
    try:
        for block in blocks("examples/data-plane/README.md"):
            if block.language == "text":
                shown, expected = reader.printed, block.text
            reader.follow(block)
    finally:
        reader.stop()
    *answers, merged = shown.splitlines()
    assert answers == expected.splitlines()[:-1]
    clients, rows, calls = (int(word) for word in merged.split() if word.isdigit())
    assert rows == clients
    assert calls < rows / 2
