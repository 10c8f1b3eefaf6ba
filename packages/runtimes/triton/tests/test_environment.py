"""Where tritonserver and the Python of its backend come from, or why not."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from inferry.errors import ModelLoadError
from inferry.status import Reason
from inferry_runtime_triton import _environment, _installing
from inferry_runtime_triton._settings import TritonSettings


def test_what_is_installed_is_found_again(cache: Path) -> None:
    first = _environment.find(TritonSettings())
    second = _environment.find(TritonSettings())

    assert first == second
    assert first.backends == ("python",)
    assert Path(first.command[0]).is_relative_to(cache)


def _fake_python(folder: Path, told: str) -> Path:
    python = folder / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho '{told}'\n")
    python.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('{"python": "3.11", "numpy": "2.1.0", "folders": []}', "has numpy 2.1.0"),
        ('{"python": "3.11", "numpy": "", "folders": []}', "has no numpy"),
        ('{"python": "3.7", "numpy": "1.21", "folders": []}', "no Python 3.7"),
        ("nothing", "cannot be run"),
    ],
)
def test_an_environment_that_does_not_fit_is_refused(
    tmp_path: Path, told: str, said: str
) -> None:
    folder = _fake_python(tmp_path / "env", told)

    with pytest.raises(ModelLoadError, match=said) as caught:
        _environment.find(TritonSettings(python=str(folder)))

    assert caught.value.reason == Reason.RuntimeNotInstalled


def test_a_server_that_is_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="is no program"):
        _environment.find(TritonSettings(server=str(tmp_path)))


def test_a_whole_triton_brings_its_backends(tmp_path: Path) -> None:
    (tmp_path / "backends" / "onnxruntime").mkdir(parents=True)
    server = tmp_path / "bin" / "tritonserver"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)

    found = _environment.find(TritonSettings(server=str(tmp_path)))

    assert found.backends == ("onnxruntime",)
    assert found.command == (
        str(server),
        f"--backend-directory={tmp_path / 'backends'}",
    )


def test_a_package_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="cannot be installed"):
        _installing.once(
            tmp_path / "made",
            lambda folder: _installing.unpack(folder, "/no/such/package-1.0.whl"),
            "nothing",
        )

    assert [each.name for each in tmp_path.iterdir()] == [".made.lock"]


def test_two_at_once_install_once(tmp_path: Path) -> None:
    made: list[Path] = []
    begun = threading.Event()

    def make(folder: Path) -> None:
        begun.wait(5)
        folder.mkdir()
        made.append(folder)

    threads = [
        threading.Thread(target=_installing.once, args=(tmp_path / "made", make, ""))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    begun.set()
    for thread in threads:
        thread.join()

    assert len(made) == 1


def test_without_uv_the_environment_installs_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Any] = []
    monkeypatch.setattr(_installing, "_uv", list)
    monkeypatch.setattr(_installing, "_run", commands.append)

    _installing.environment(tmp_path / "env", ("numpy==1.26.4",))

    venv, install = commands
    assert venv == [sys.executable, "-m", "venv", str(tmp_path / "env")]
    assert install[1:4] == ["-m", "pip", "install"]
    assert install[-1] == "numpy==1.26.4"


def test_the_probe_runs_anywhere() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", _environment._PROBE],
        capture_output=True,
        check=True,
        text=True,
    )

    assert f"{sys.version_info.major}.{sys.version_info.minor}" in done.stdout
