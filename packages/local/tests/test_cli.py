"""``inferry run``: what is refused before anything starts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from inferry.cli import main
from inferry_local import cli as run_command
from inferry_local.live import LiveReporter
from inferry_local.reports import JsonReporter, TextReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, runtime_folder: Path) -> list[Any]:
    """Record what would be served; nothing is."""
    calls: list[Any] = []

    async def serve(*values: Any, **options: Any) -> int:
        calls.append((values, options))
        return 0

    monkeypatch.setattr(run_command, "_serve", serve)
    monkeypatch.setattr(run_command, "_check_plans", lambda *_: None)
    monkeypatch.setattr(run_command, "_log_to_stderr", lambda _: None)
    return calls


@pytest.fixture
def run(
    started: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> Result:
        return CliRunner().invoke(main, ["run", *args], prog_name="inferry")

    return call


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_help_imports_neither_ray_nor_rich() -> None:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from inferry.cli import main\nmain(['run', '--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )

    assert "FILE.py:CLASS" in done.stdout
    assert not {"ray", "rich", "numpy", "yaml"} & set(done.stderr.split())


def test_a_good_file_is_served(
    run: Callable[..., Result], started: list[Any], write_service: Callable[..., Path]
) -> None:
    result = run(str(write_service("iris")), "--port", "0", "--no-watch")

    assert result.exit_code == 0, result.output
    ((settings, _plugins, _targets, reading), options) = started[0]
    assert settings.value("local", "port") == 0
    assert reading.services == {("default", "iris")}
    assert options["watch"] is False


def test_every_problem_is_printed_and_nothing_starts(
    run: Callable[..., Result], started: list[Any], write_service: Callable[..., Path]
) -> None:
    file = write_service("x", text="apiVersion: serving.kserve.io/v1beta1\nkind: N\n")

    result = run(str(file), "missing.yaml")

    assert result.exit_code == 1
    assert f"{file}:2:7: error:" in result.stderr
    assert "missing.yaml" in result.stderr
    assert "problems; nothing was started" in result.stderr
    assert started == []


def test_a_port_that_is_taken_is_told_before_anything_starts(
    run: Callable[..., Result],
    started: list[Any],
    write_service: Callable[..., Path],
    taken: int,
) -> None:
    result = run(str(write_service("iris")), "--port", str(taken))

    assert result.exit_code == 1
    assert f"port {taken} is taken by" in result.stderr
    assert f"choose another, such as --port {taken + 1}" in result.stderr
    assert started == []


def test_listening_for_others_is_warned_of(
    run: Callable[..., Result], write_service: Callable[..., Path]
) -> None:
    result = run(str(write_service("iris")), "--host", "0.0.0.0", "--port", "0")

    assert "warning: listening on 0.0.0.0" in result.stderr


def test_a_class_is_served_and_its_folder_trusted(
    run: Callable[..., Result], started: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text("class MyModel: ...\n")

    result = run("model.py:MyModel", "--port", "0", "--name", "mine", "-n", "team")

    assert result.exit_code == 0, result.output
    ((_settings, _plugins, _targets, reading), _options) = started[0]
    assert reading.services == {("team", "mine")}
    assert json.loads(os.environ["INFERRY_PLUGINS__PYTHON__TRUST"]) == [str(tmp_path)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("model.py",), "name the class to serve, as in model.py:MyModel"),
        (("model.py:Model", "--name", "Big_Name"), "choose one with --name"),
        (("service.yaml", "--name", "x"), "--name needs exactly one FILE.py:CLASS"),
    ],
)
def test_a_bad_target_is_a_usage_error(
    run: Callable[..., Result], args: tuple[str, ...], message: str
) -> None:
    result = run(*args)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_a_missing_class_is_told_before_anything_starts(
    run: Callable[..., Result], started: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text("class MyModel: ...\n")

    result = run("model.py:MyModl")

    assert result.exit_code == 1
    assert "did you mean 'MyModel'" in result.stderr
    assert "1 problem; nothing was started" in result.stderr
    assert started == []


def test_when_a_service_cannot_be_planned_nothing_starts(
    run: Callable[..., Result],
    started: list[Any],
    write_service: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    file = write_service("iris")
    file.write_text(file.read_text().replace("name: onnx", "name: nothing-serves-it"))

    result = run(str(file), "--port", "0")

    assert result.exit_code == 1
    assert "nothing-serves-it" in result.stderr
    assert started == []


def test_every_service_that_cannot_be_planned_has_a_line(
    run: Callable[..., Result],
    write_service: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    file = write_service("iris")
    text = file.read_text().replace("name: onnx", "name: nothing-serves-it")
    file.write_text(f"{text}\n---\n{text.replace('name: iris', 'name: wine')}")

    result = run(str(file), "--port", "0")

    first, *lines = result.stderr.splitlines()
    assert first == "error: 2 services cannot be served"
    assert [line.split(":")[0] for line in lines] == [
        "  default/iris",
        "  default/wine",
    ]


def test_without_a_target_it_says_what_it_waits_for(
    run: Callable[..., Result], started: list[Any]
) -> None:
    result = run("--port", "0")

    assert "give it services with `inferry apply FILE`" in result.stderr
    assert len(started) == 1


def test_the_output_fits_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(run_command.reporter("json", list), JsonReporter)
    assert isinstance(run_command.reporter("text", list), TextReporter)
    assert isinstance(run_command.reporter("live", list), LiveReporter)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert isinstance(run_command.reporter(None, list), TextReporter)


def test_a_class_without_the_python_plugin_is_told_what_to_install_and_no_more(
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INFERRY_PLUGINS_DENY", "python")
    (tmp_path / "model.py").write_text("class MyModel:\n    pass\n")

    result = run("model.py:MyModel", "--port", "0")

    assert "no runtime here serves the model format 'python'" in result.stderr
    assert "warning" not in result.stderr
