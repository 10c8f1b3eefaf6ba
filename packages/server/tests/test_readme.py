"""What the README shows is true."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from inferry_server import ModelServer, ModelSpec, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    """Return the code blocks of the README in *language*."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path that holds the README's model."""
    (tmp_path / "double.py").write_text(blocks("python")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("double", None)


async def test_the_class_gives_the_answer_that_is_shown(folder: Path) -> None:
    server = ModelServer(ServerSettings(http_port=0))
    port = await server.start()
    await server.load(ModelSpec(name="double", target="double:Double", path=folder))
    _, path, body = re.search(
        r"(localhost:8080)(\S+) -d '(.*)'", blocks("sh")[2]
    ).groups()
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.post(f"http://127.0.0.1:{port}{path}", content=body)
    await server.stop()
    assert reply.json() == json.loads(blocks("json")[0])


async def test_tritons_client_asks_over_grpc(folder: Path) -> None:
    server = ModelServer(ServerSettings(http_port=0, grpc_port=0))
    await server.start()
    await server.load(ModelSpec(name="double", target="double:Double", path=folder))
    program = blocks("python")[2]
    assert "localhost:8081" in program
    program = program.replace("localhost:8081", f"127.0.0.1:{server.ports.grpc}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=subprocess.PIPE
    )
    printed, _ = await process.communicate()
    await server.stop()
    assert printed == b"[2. 5.]\n"


def test_the_program_runs(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", blocks("python")[1]],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"\d+ Ready \n", done.stdout)
