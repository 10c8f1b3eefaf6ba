"""A third party's storage backend: built, installed, tested by its kit, and used."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from reader import blocks
from running import REPOSITORY, clean_environment
from thirdparty import our_wheels, uv, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLE = REPOSITORY / "examples" / "storage-plugin"
PAGE = "docs/how-to/write-a-storage-plugin.md"
TREE = {"config.json": b"{}", "weights/one.bin": bytes(range(256)) * 4096}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment that has the wheels and nothing else."""
    ours = our_wheels(tmp_path_factory.mktemp("wheels"), "core", "storage")
    built = tmp_path_factory.mktemp("third-party")
    uv("build", "--wheel", "-o", built, EXAMPLE)
    folder = tmp_path_factory.mktemp("environment")
    uv("venv", "--python", sys.executable, "--clear", folder)
    interpreter = folder / "bin" / "python"
    plugin = wheel(built, "inferry-storage-webindex")
    uv("pip", "install", "--python", interpreter, *ours, f"{plugin}[test]")
    return interpreter


@pytest.fixture
def server() -> Iterator[Any]:
    """Run the web server of the example's own tests."""
    spec = importlib.util.spec_from_file_location(
        "example_server", EXAMPLE / "tests" / "server.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    running = module.WebServer()
    running.token = module.TOKEN
    yield running
    running.stop()


def inferry(
    python: Path, home: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-m", "inferry", *arguments],
        capture_output=True,
        check=False,
        cwd=home,
        env=clean_environment(HOME=str(home), **more),
        text=True,
    )


def test_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        capture_output=True,
        check=False,
        cwd=EXAMPLE,
        env=clean_environment(HOME=str(tmp_path), PYTHONDONTWRITEBYTECODE="1"),
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["check webindex", "doctor"])
def test_the_commands_of_its_page_are_content(
    python: Path, command: str, tmp_path: Path
) -> None:
    assert f"inferry plugins {command}\n" in "".join(b.text for b in blocks(PAGE))
    done = inferry(python, tmp_path, "plugins", *command.split())
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_model_is_pulled_with_a_token_of_the_environment(
    python: Path, server: Any, tmp_path: Path
) -> None:
    uri = server.put("iris", TREE)
    allowed = {
        "INFERRY_STORAGE__ALLOW_HTTP": "true",
        "INFERRY_STORAGE__ALLOW_NETWORKS": "127.0.0.0/8",
        "WEBINDEX_TOKEN": server.token,
    }
    who = inferry(python, tmp_path, "storage", "whoami", uri, "--json", **allowed)
    assert json.loads(who.stdout)["rung"] == "environment", who.stderr
    done = inferry(python, tmp_path, "storage", "pull", uri, "iris", **allowed)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "iris/weights/one.bin").read_bytes() == TREE["weights/one.bin"]
    assert server.token not in who.stdout + who.stderr + done.stdout + done.stderr


def test_where_a_service_leads_is_for_the_operator_to_allow(
    python: Path, server: Any, tmp_path: Path
) -> None:
    uri = server.put("iris", TREE)
    for allowed, said in ((False, "is http"), (True, "allow_networks")):
        named = {"INFERRY_STORAGE__ALLOW_HTTP": str(allowed).lower()}
        done = inferry(python, tmp_path, "storage", "ls", uri, **named)
        assert done.returncode == 5
        assert said in done.stderr


def test_the_page_shows_code_of_the_example() -> None:
    code = "".join(path.read_text() for path in EXAMPLE.rglob("*.py"))
    shown = [each.text for each in blocks(PAGE) if each.language == "python"]
    assert len(shown) == 3
    for text in shown:
        assert text in code
