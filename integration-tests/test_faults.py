"""What breaks a run, or what is in it, from outside and from within."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from running import SERVICE, Running

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

MODEL = """
import ctypes, os, resource, signal, sys, time

class Model:
    def load(self):
        {load}

    def predict(self, values):
        if values[0]:
            open(__file__ + ".asked", "w").close()
        time.sleep(values[0])
        return [os.getpid()]
"""
#: What each model does as it loads, and the reason and words that tell it.
BROKEN = {
    "greedy": (
        "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); bytearray(2**33)",
        "OutOfMemory",
        "memory",
    ),
    "faulty": ("ctypes.string_at(0)", "ReplicaCrashed", "Segmentation fault"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "ReplicaCrashed", "killed"),
    "leaver": ("sys.exit(3)", "ModelLoadFailed", "SystemExit"),
    "stuck": ("time.sleep(1000)", "LoadTimeout", "10 s"),
}


def services(folder: Path, loads: dict[str, str]) -> None:
    """Write a class for each name, and one file of all their services."""
    for name, load in loads.items():
        (folder / name).mkdir()
        (folder / name / "model.py").write_text(MODEL.format(load=load))
    (folder / "all.yaml").write_text(
        "---\n".join(
            SERVICE.format(name=name, format="python", uri=folder / name)
            for name in loads
        )
    )


def ask(running: Running, seconds: float = 0) -> httpx.Response:
    """Ask the good model, which takes so long."""
    return running.post("/v1/models/good:predict", {"instances": [seconds]})


def test_models_that_break_their_process_are_told_and_the_neighbour_serves(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    services(tmp_path, {"good": "pass"} | {k: v[0] for k, v in BROKEN.items()})
    running = run(
        "all.yaml",
        INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path),
        INFERRY_SERVER__LOAD_TIMEOUT="10",
    )
    running.wait("good", "Ready")
    pid = ask(running).json()["predictions"]
    for name, (_, reason, words) in BROKEN.items():
        found = running.wait(name, "Failed", seconds=90)
        assert (found["reason"], words in found["message"]) == (reason, True), found
        assert found["remedy"]
    assert ask(running).json()["predictions"] == pid
    kill_twice(running, pid[0], tmp_path / "good" / "model.py.asked")


def kill_twice(running: Running, pid: int, asked: Path) -> None:
    """Kill the replica with a request in flight: it is told, the next is answered."""
    for _ in range(2):
        answers: list[httpx.Response] = []
        flying = threading.Thread(target=lambda: answers.append(ask(running, 20)))  # noqa: B023 - joined below
        flying.start()
        running.wait_for(asked.exists, "the request to be in flight", 10)
        asked.unlink()
        # A connection lost right after the request was sent counts as one that the
        # replica had closed while idle, and the request is sent again.
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        flying.join(10)
        assert answers[0].status_code in {502, 503}
        assert "default/good" in answers[0].json()["error"]
        answer = ask(running)
        assert answer.status_code == 200
        assert answer.json()["predictions"] != [pid]
        pid = answer.json()["predictions"][0]


def left(running: Running, seconds: float) -> list[Any]:
    """Return the processes that still have the run's port in their environment."""
    until = time.monotonic() + seconds
    while found := [p.pid for p in psutil.process_iter() if _of(p, running.port)]:
        if time.monotonic() > until:
            break
        time.sleep(0.2)
    return found


def _of(process: psutil.Process, port: int) -> bool:
    try:
        told = process.environ().get("INFERRY_PORT") == str(port)
        return told and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def folders(running: Running) -> list[Path]:
    """Return the temporary folders that the run has made."""
    return list(Path("/tmp").glob(f"inferry-local-*-{running.process.pid}-*"))


@pytest.mark.parametrize("seconds", [2.5, 4.0])
def test_a_run_killed_while_it_starts_leaves_no_process(
    tmp_path: Path, run: Callable[..., Running], seconds: float
) -> None:
    services(tmp_path, {"good": "pass"})
    running = run("all.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    time.sleep(seconds)
    running.process.kill()
    running.process.wait(10)
    assert left(running, 10) == []


def test_a_request_under_way_is_answered_before_a_run_ends(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    services(tmp_path, {"good": "pass"})
    running = run("all.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    running.wait("good", "Ready")
    answers: list[httpx.Response] = []
    flying = threading.Thread(target=lambda: answers.append(ask(running, 4)))
    flying.start()
    asked = tmp_path / "good" / "model.py.asked"
    running.wait_for(asked.exists, "the request to be in flight", 10)
    assert running.stop() == 0
    flying.join(10)
    assert answers[0].status_code == 200


def test_a_run_killed_while_it_serves_leaves_no_process_and_no_folder(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    services(tmp_path, {"good": "pass"})
    running = run(
        "all.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path), TMPDIR="/tmp"
    )
    running.wait("good", "Ready")
    assert folders(running)
    running.process.kill()
    running.process.wait(10)
    assert left(running, 15) == []
    assert folders(running) == []
    assert running.command("get").returncode != 0


def test_a_run_whose_raylet_ends_says_so_and_ends(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    services(tmp_path, {"good": "pass"})
    running = run("all.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    running.wait("good", "Ready")
    for process in running.descendants():
        if process.name() == "raylet":
            process.kill()
    assert running.process.wait(20) == 1
    assert "raylet has ended" in running.log.read_text()
    assert left(running, 10) == []
