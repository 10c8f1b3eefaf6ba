"""The clients of the PyPI package ``kserve``, in an environment of their own."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from environments import environment

if TYPE_CHECKING:
    from inferry.testing.protocol import Served

KSERVE = "kserve==0.21.0"
SCRIPT = Path(__file__).with_name("kserve_clients.py")
#: The checks of the script, read from it: it cannot be imported without kserve.
CHECKS = [
    node.name
    for node in ast.parse(SCRIPT.read_text()).body
    if isinstance(node, ast.AsyncFunctionDef) and node.decorator_list
]


@pytest.fixture(scope="module")
def verdicts(echo: Served) -> dict[str, str]:
    python = environment("kserve", KSERVE) / "bin" / "python"
    done = subprocess.run(
        [python, "-I", SCRIPT, echo.url, echo.grpc],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("name", CHECKS)
def test_kserve_client(verdicts: dict[str, str], name: str) -> None:
    assert verdicts[name] == "ok", verdicts[name]
