"""Edits of a running service roll out without a lost request, or change nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

import httpx
from running import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Running

MODEL = """
class Adder:
    def load(self):
        self.more = {more}

    def predict(self, values):
        return values + self.more
"""


class Caller:
    """Somebody who asks all the time and keeps every answer."""

    def __init__(self, running: Running, model: str) -> None:
        self.url = f"{running.url}/v1/models/{model}:predict"
        self.answers: list[Any] = []
        self.faults: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    def _ask(self) -> None:
        with httpx.Client(timeout=30) as client:
            # Bounded: no test here takes longer than two minutes.
            until = time.monotonic() + 120
            while not self._ended.is_set() and time.monotonic() < until:
                try:
                    answer = client.post(self.url, json={"instances": [1]})
                except httpx.HTTPError as error:
                    self.faults.append(repr(error))
                    continue
                if answer.status_code == 200:
                    self.answers.append(answer.json()["predictions"][0])
                else:
                    self.faults.append(f"{answer.status_code} {answer.text}")
                time.sleep(0.005)


def adder(folder: Path, more: float) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(MODEL.format(more=more))


def test_a_saved_class_serves_without_a_lost_request(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    adder(tmp_path, 1)
    running = run("model.py:Adder")
    running.wait("adder", "Ready")
    with Caller(running, "adder") as caller:
        adder(tmp_path, 10)
        running.wait_for(lambda: 11 in caller.answers, "the new answer", 30)
    assert caller.faults == []
    assert set(caller.answers) == {2, 11}
    assert caller.answers == sorted(caller.answers)


def test_a_broken_class_is_told_and_the_old_one_serves(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    adder(tmp_path, 1)
    running = run("model.py:Adder")
    running.wait("adder", "Ready")
    with Caller(running, "adder") as caller:
        (tmp_path / "model.py").write_text(MODEL.format(more="nothing_of_that_name"))
        began = time.monotonic()
        running.wait_for(
            lambda: (
                "nothing_of_that_name" in running.command("describe", "adder").stdout
            ),
            "the reason to be told",
            30,
        )
        told = time.monotonic() - began
    assert caller.faults == []
    assert set(caller.answers) == {2}
    assert running.services()["adder"]["phase"] == "Ready"
    assert told < 10


def test_an_edit_of_the_yaml_rolls_out_and_a_broken_one_does_not(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    yaml = tmp_path / "service.yaml"
    for name, more in (("first", 1), ("second", 10)):
        adder(tmp_path / name, more)
    text = SERVICE.format(name="adder", format="python", uri="first")
    yaml.write_text(text)
    running = run("service.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    running.wait("adder", "Ready")
    with Caller(running, "adder") as caller:
        yaml.write_text(text.replace("storageUri", "storageURI"))
        running.wait_for(
            lambda: "did you mean 'storageUri'" in running.log.read_text(),
            "the problem to be told",
            10,
        )
        yaml.write_text(
            text.replace("uri: first", "uri: second").replace("first", "second")
        )
        running.wait_for(lambda: 11 in caller.answers, "the new answer", 30)
    assert caller.faults == []
    assert set(caller.answers) == {2, 11}


def test_a_canary_gets_its_share_and_can_be_rolled_back(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    yaml = tmp_path / "service.yaml"
    for name, more in (("first", 1), ("second", 10)):
        adder(tmp_path / name, more)
    text = SERVICE.format(name="adder", format="python", uri="first")
    yaml.write_text(text)
    running = run("service.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path))
    running.wait("adder", "Ready")
    canary = text.replace("first", "second").replace(
        "predictor:\n", "predictor:\n    canaryTrafficPercent: 20\n"
    )
    yaml.write_text(canary)
    with Caller(running, "adder") as caller:
        running.wait_for(lambda: 11 in caller.answers, "the canary's answer", 30)
        caller.answers.clear()
        running.wait_for(lambda: len(caller.answers) >= 500, "500 answers", 60)
        share = caller.answers[:500].count(11) / 500
        described = running.command("describe", "adder").stdout
        yaml.write_text(canary.replace("Percent: 20", "Percent: 0"))
        running.wait_for(lambda: set(caller.answers[-100:]) == {2}, "roll-back", 30)
    assert caller.faults == []
    assert abs(share - 0.2) <= 0.01
    assert "20" in described
    assert "80" in described
