"""TrainedModels of the example: they come, serve, go, and leave others alone."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from running import REPOSITORY, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLE = REPOSITORY / "examples" / "trained-models"
SETOSA = [5.1, 3.5, 1.4, 0.2]
MODEL = """\
apiVersion: serving.kserve.io/v1alpha1
kind: TrainedModel
metadata: {{name: {name}}}
spec:
  inferenceService: flowers
  model: {{framework: {framework}, storageUri: {uri}, memory: 1Mi}}
"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "trained-models"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("models"))
    runpy.run_path(str(folder / "make_models.py"), run_name="__main__")
    return folder


@pytest.fixture(scope="module")
def running(
    example: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    running = Running(
        tmp_path_factory.mktemp("run"), [str(example / "services.yaml")], {}
    )
    yield running
    running.stop()


@pytest.fixture
def flowers(running: Running) -> Running:
    running.wait("flowers", "Ready")
    for name in ("iris", "wine"):
        running.wait_for(lambda name=name: answers(running, name), f"{name} to answer")
    return running


def answers(running: Running, name: str, row: list[float] | None = None) -> Any:
    row = row or (SETOSA if name != "wine" else [1.0] * 13)
    answer = running.post(f"/v1/models/{name}:predict", {"instances": [row]})
    return answer.json().get("predictions") if answer.status_code == 200 else None


def applied(running: Running, folder: Path, **model: str) -> Any:
    file = folder / f"{model['name']}.yaml"
    file.write_text(MODEL.format(**{"framework": "sklearn", **model}))
    return running.command("apply", "-f", str(file)), file


def test_each_answers_by_its_name(flowers: Running) -> None:
    assert answers(flowers, "iris") == ["setosa"]
    assert answers(flowers, "wine")[0].startswith("class_")


def test_a_model_comes_and_goes_while_others_answer(
    flowers: Running, example: Path, tmp_path: Path
) -> None:
    failed: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answer = flowers.post("/v1/models/iris:predict", {"instances": [SETOSA]})
            if answer.status_code != 200:
                failed.append(answer.text)

    asking = threading.Thread(target=ask)
    asking.start()
    uri = str(example / "models" / "iris")
    said, file = applied(flowers, tmp_path, name="late", uri=uri)
    assert said.returncode == 0, said.stderr
    assert "trainedmodel" in said.stdout.lower()
    flowers.wait_for(lambda: answers(flowers, "late"), "the new model to answer")
    gone = flowers.command("delete", "-f", str(file))
    assert gone.returncode == 0, gone.stderr
    flowers.wait_for(lambda: not answers(flowers, "late"), "the model to be gone")
    done.set()
    asking.join()
    assert not failed
    answer = flowers.post("/v1/models/late:predict", {"instances": [SETOSA]})
    assert answer.status_code == 404


def test_one_that_cannot_load_disturbs_nobody(flowers: Running, tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"no model at all")
    said, file = applied(flowers, tmp_path, name="broken", uri=str(tmp_path))
    assert said.returncode == 0, said.stderr

    def told() -> bool:
        return "model broken failed" in flowers.command("describe", "flowers").stdout

    flowers.wait_for(told, "describe to tell of it")
    assert flowers.services()["flowers"]["phase"] == "Ready"
    assert answers(flowers, "iris") == ["setosa"]
    assert flowers.command("delete", "-f", str(file)).returncode == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "x", "framework": "unheard-of", "uri": "/tmp"}, "unheard-of"),
        ({"name": "flowers", "uri": "/tmp"}, "has a model of that name itself"),
        ({"name": "y", "uri": "ftp://a/b"}, "must start with one of s3://"),
    ],
)
def test_what_nothing_here_serves_is_refused_at_once(
    flowers: Running, tmp_path: Path, model: dict[str, str], message: str
) -> None:
    said, _ = applied(flowers, tmp_path, **model)
    assert said.returncode != 0
    assert message in said.stderr + said.stdout


def test_a_model_of_no_service_is_refused(flowers: Running, tmp_path: Path) -> None:
    file = tmp_path / "lost.yaml"
    text = MODEL.format(name="lost", framework="sklearn", uri="/tmp")
    file.write_text(text.replace("flowers", "nowhere"))
    said = flowers.command("apply", "-f", str(file))
    assert said.returncode != 0
    assert "there is no InferenceService default/nowhere" in said.stderr


def test_an_edit_of_the_file_is_followed(flowers: Running, example: Path) -> None:
    file = example / "services.yaml"
    before = file.read_text()
    head, _, _ = before.rpartition("---\n")
    file.write_text(head)
    flowers.wait_for(lambda: not answers(flowers, "wine"), "wine to go")
    assert answers(flowers, "iris") == ["setosa"]
    file.write_text(before)
    flowers.wait_for(lambda: answers(flowers, "wine"), "wine to be back")


def test_a_new_replica_loads_them_all(flowers: Running) -> None:
    """The old one is killed; the new one is told the same models."""
    commands = {child.pid: " ".join(child.cmdline()) for child in flowers.descendants()}
    replicas = [pid for pid, command in commands.items() if "Replica" in command]
    assert replicas, commands
    for pid in replicas:
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    for name in ("iris", "wine"):
        flowers.wait_for(lambda name=name: answers(flowers, name), f"{name} to be back")
