"""A folder of models in one server: all are served, and newcomers by their names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from processes import command, environment, process

from inferry.errors import SettingsError
from inferry_server import ModelServer, ServerSettings
from inferry_server.cli.chosen import choose
from inferry_server.cli.run import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import SpecOf

ROW = {"instances": [[1.0, 2.0, 3.0, 4.0]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one").mkdir()
    (tmp_path / "two.bin").write_bytes(b"x")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_each_file_and_folder_is_a_model(folder: Path) -> None:
    choice = choose([f"--model_repository=served_models:Iris:{folder}"])

    assert {each.name: each.path for each in choice.models} == {
        "one": str(folder / "one"),
        "two": str(folder / "two.bin"),
    }
    assert {each.target for each in choice.models} == {"served_models:Iris"}


def test_two_models_of_one_name_are_refused(folder: Path) -> None:
    (folder / "two").mkdir()

    with pytest.raises(SettingsError, match="two models are named 'two'"):
        choose([f"--model_repository=served_models:Iris:{folder}"])


@pytest.mark.parametrize("where", ["", ":/no/such/folder"])
def test_a_folder_that_is_not_there_is_told(where: str) -> None:
    with pytest.raises(SettingsError, match="there is no folder"):
        choose([f"--model_repository=served_models:Iris{where}"])


def test_a_name_that_no_url_takes_is_told(folder: Path) -> None:
    (folder / "a b").mkdir()

    with pytest.raises(SettingsError, match="the name 'a b' must be letters"):
        choose([f"--model_repository=served_models:Iris:{folder}"])


@pytest.fixture
def client(folder: Path, spec: SpecOf) -> Iterator[Any]:
    flag = f"--model_repository=served_models:Iris:{folder}"
    with process(flag, "--allow_management") as (_, client, _):
        yield client


def test_newcomers_are_loaded_by_their_names(client: Any, folder: Path) -> None:
    index = client.post("/v2/repository/index").json()
    assert {each["name"] for each in index} == {"m", "one", "two"}

    refused = client.post("/v2/repository/models/three/load")
    assert refused.status_code == 404
    assert "nor found in its repository" in refused.json()["error"]
    (folder / "three").mkdir()
    assert client.post("/v2/repository/models/three/load").status_code == 200
    answer = client.post("/v1/models/three:predict", json=ROW)
    assert answer.json() == {"predictions": [10.0]}

    assert client.post("/v2/repository/models/three/unload").status_code == 200
    assert client.post("/v1/models/three:predict", json=ROW).status_code == 503
    assert client.post("/v1/models/one:predict", json=ROW).status_code == 200


@pytest.mark.parametrize("name", ["..", ".hidden", "one%2F..%2F..", "%2Fetc"])
def test_no_name_leads_out_of_the_repository(client: Any, name: str) -> None:
    answer = client.post(f"/v2/repository/models/{name}/load")

    assert answer.status_code == 404


async def test_an_empty_repository_is_ready_for_its_first_model(
    tmp_path: Path, spec: SpecOf
) -> None:
    import msgspec

    template = msgspec.structs.replace(spec("Iris"), path=tmp_path)
    settings = ServerSettings(http_port=0, allow_management=True)
    server = ModelServer(settings, repositories=[template])
    port = await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/v2/health/ready")).status_code == 200
            (tmp_path / "first").mkdir()
            loaded = await client.post("/v2/repository/models/first/load")
            assert loaded.status_code == 200
    finally:
        await server.stop()


def test_one_of_many_that_fails_does_not_end_a_pod(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`process` would wait for ever for a server that has ended."""
    import subprocess
    import time

    flags = [
        f"--model_repository=served_models:Iris:{folder}",
        "--model=bad=served_models:Nothing",
        *("--http_port=0", "--host=127.0.0.1"),
    ]
    surroundings = environment() | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with subprocess.Popen(
        command(*flags),
        env=surroundings,
        cwd=Path(__file__).parent,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        lines = []
        for line in running.stderr:
            lines.append(line)
            if "model bad failed" in line:
                break
        time.sleep(0.5)
        assert running.poll() is None, lines
        running.kill()
        running.stderr.read()


def test_the_command_line_says_what_is_missing(capsys: Any) -> None:
    assert main([]) == 2
    assert "--model_repository RUNTIME:FOLDER" in capsys.readouterr().err
