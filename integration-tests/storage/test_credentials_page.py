"""Whoever follows the page about credentials sees what it shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reader import Block, blocks
from storage.pulling import surroundings
from storage.servers import KEY, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from running import Running
    from storage.servers import Store

PAGE = "docs/how-to/give-credentials.md"
COMMANDS = [each for each in blocks(PAGE) if each.language != "yaml"]
PAIRS = list(zip(COMMANDS[::2], COMMANDS[1::2], strict=True))
INPUT = {"instances": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]}


@pytest.mark.parametrize(
    ("command", "text"), PAIRS, ids=[each.text.strip() for each, _ in PAIRS]
)
def test_a_command_prints_what_the_page_shows(
    command: Block, text: Block, tmp_path: Path
) -> None:
    assert (command.language, text.language) == ("sh", "text")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = tmp_path / "home"
    kept = surroundings(home, "", PATH=path)
    environment = {k: v for k, v in kept.items() if not k.startswith("AWS_")}
    done = subprocess.run(
        ["bash", "-ec", command.text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == text.text.startswith("error:"), done.stderr
    printed = (done.stdout + done.stderr).splitlines()
    for line in text.text.splitlines():
        assert line in printed


def test_the_files_of_the_page_serve_a_model(
    seaweedfs: Store,
    iris_folder: Path,
    tmp_path: Path,
    run: Callable[..., Running],
) -> None:
    """The service of the page, and one that names the entry by its key."""
    model = (iris_folder / "model.skops").read_bytes()
    bucket = seaweedfs.filled({"model.skops": model}, "iris/")
    given = {each.file: each.text for each in blocks(PAGE) if each.file}
    address = seaweedfs.url.removeprefix("http://")
    for name, text in given.items():
        filled = text.replace("minio.example.com:9000", address)
        filled = filled.replace("AKIAEXAMPLE", KEY).replace(
            '": "secret"', f'": "{SECRET}"'
        )
        filled = filled.replace("ACCESS_KEY: secret", f"ACCESS_KEY: {SECRET}")
        filled = filled.replace("s3://models", f"s3://{bucket}")
        filled = filled.replace('"bucket": "models"', f'"bucket": "{bucket}"')
        (tmp_path / name).write_text(filled)
    head, _, storage = _by_key(given["service.yaml"])
    (tmp_path / "by-key.yaml").write_text(f"{head}{storage}")
    running = run(".", HOME=str(tmp_path))
    for name in ("iris", "by-key"):
        running.wait(name, "Ready")
        answer = running.post(
            f"/serving/default/{name}/v1/models/{name}:predict", INPUT
        )
        assert answer.json() == {"predictions": [0, 2]}


def _by_key(text: str) -> tuple[str, str, str]:
    """Return the page's service with the page's ``storage`` in the URI's place."""
    service = text.rpartition("---\n")[2].replace("name: iris", "name: by-key")
    snippet = next(
        each.text for each in blocks(PAGE) if each.text.startswith("storage:\n")
    )
    head, uri, _ = service.partition("storageUri")
    storage = "".join(
        f"{'      ' if index else ''}{line}\n"
        for index, line in enumerate(snippet.splitlines())
    )
    return head, uri, storage
