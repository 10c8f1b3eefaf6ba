"""A third party's runtime: made from the template, built, installed and served."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from running import REPOSITORY, clean_environment, free_port
from thirdparty import our_wheels, uv, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEMPLATE = REPOSITORY / "examples" / "plugin-template"
NAME = "linear"
DISTRIBUTION = "acme-inferry-linear"
START_SECONDS = 60


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the wheels of core and server, built here unless they are given."""
    return our_wheels(tmp_path_factory.mktemp("wheels"), "core", "server")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a package made from the template, its wheel in dist/."""
    folder = tmp_path_factory.mktemp("third-party") / "package"
    subprocess.run(
        [
            *(sys.executable, TEMPLATE / "make.py", NAME, folder),
            *("--distribution", DISTRIBUTION),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    uv("build", "--wheel", "-o", folder / "dist", folder)
    return folder


@pytest.fixture(scope="module")
def python(
    ours: list[Path], package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the interpreter of an environment that has the wheels and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    uv("venv", "--python", sys.executable, "--clear", environment)
    interpreter = environment / "bin" / "python"
    built = wheel(package / "dist", DISTRIBUTION)
    uv("pip", "install", "--python", interpreter, *ours, f"{built}[serve,test]")
    return interpreter


def inferry(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-m", "inferry", *arguments],
        capture_output=True,
        check=False,
        env=clean_environment(),
        text=True,
    )


def test_the_plugin_is_listed_and_healthy(python: Path) -> None:
    listed = json.loads(inferry(python, "plugins", "list", "--load", "--json").stdout)
    row = next(each for each in listed if each["name"] == NAME)
    assert row["distribution"] == DISTRIBUTION
    assert (row["status"], row["provides"]) == ("loaded", [f"runtime {NAME}"])
    doctor = inferry(python, "plugins", "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "no problems" in doctor.stdout
    assert "note:" not in doctor.stdout


def test_the_plugin_renders_for_a_cluster(python: Path) -> None:
    rendered = inferry(python, "plugins", "render", NAME, "--json")
    (document,) = json.loads(rendered.stdout)
    assert document["kind"] == "ClusterServingRuntime"
    assert document["spec"]["supportedModelFormats"][0]["name"] == NAME


def test_the_kit_passes_from_the_command_line(python: Path) -> None:
    done = inferry(python, "plugins", "check", NAME)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_tests_pass(python: Path, package: Path) -> None:
    done = subprocess.run(
        [python, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        capture_output=True,
        check=False,
        cwd=package,
        env=clean_environment(),
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("name", ["Linear", "a b", "../up", "-x", ""])
def test_a_bad_name_makes_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    done = subprocess.run(
        [sys.executable, TEMPLATE / "make.py", "--", name, folder],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, folder.exists()) == (1, False)
    assert done.stderr.startswith("error: ")


def test_a_folder_that_holds_something_is_left_alone(package: Path) -> None:
    before = sorted(package.rglob("*"))
    done = subprocess.run(
        [sys.executable, TEMPLATE / "make.py", NAME, package],
        capture_output=True,
        check=False,
        text=True,
    )
    assert "is not empty" in done.stderr
    assert sorted(package.rglob("*")) == before


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[str]:
    """Serve a model with the plugin; give the base url once the model is ready."""
    file = tmp_path / "model.npz"
    np.savez(file, weights=[[1.0, 2.0], [3.0, 4.0]], bias=[0.5, -0.5])
    port = free_port()
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(python, "-I", "-m", "inferry_server", "--runtime", NAME),
                *("--model_name", "toy", "--model_dir", file),
                *("--http_port", str(port), "--host", "127.0.0.1"),
            ],
            env=clean_environment(),
            stderr=subprocess.STDOUT,
            stdout=output,
        )
        try:
            yield wait(f"http://127.0.0.1:{port}", process, log)
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/v2/models/toy/ready").status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return pytest.fail(log.read_text())


def test_the_plugin_serves(server: str) -> None:
    body = {"instances": [[1.0, 1.0], [0.0, 2.0]]}
    answer = httpx.post(f"{server}/v1/models/toy:predict", json=body)
    assert answer.json() == {"predictions": [[4.5, 5.5], [6.5, 7.5]]}
    tensor = {"name": "input", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 1.0]}
    answer = httpx.post(f"{server}/v2/models/toy/infer", json={"inputs": [tensor]})
    (output,) = answer.json()["outputs"]
    assert (output["shape"], output["data"]) == ([1, 2], [4.5, 5.5])
    wrong = tensor | {"name": "inptu"}
    answer = httpx.post(f"{server}/v2/models/toy/infer", json={"inputs": [wrong]})
    assert answer.status_code == 400
    assert "input" in answer.json()["error"]
