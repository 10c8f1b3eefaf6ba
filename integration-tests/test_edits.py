"""Edits of a running service roll out without a lost request, or change nothing."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
from calling import Caller, Fault
from running import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from running import Running

MODEL = """
class Adder:
    def load(self):
        self.more = {more}

    def predict(self, values):
        return values + self.more
"""


@contextmanager
def calling(running: Running, model: str) -> Iterator[Caller]:
    """Ask *model* over V1 all the time."""
    url = f"{running.url}/v1/models/{model}:predict"
    with httpx.Client(timeout=30) as client:

        def ask() -> Any:
            try:
                answer = client.post(url, json={"instances": [1]})
            except httpx.HTTPError as error:
                raise Fault(repr(error)) from error
            if answer.status_code != 200:
                raise Fault(f"{answer.status_code} {answer.text}")
            return answer.json()["predictions"][0]

        with Caller(ask, 0.005) as caller:
            yield caller


def adder(folder: Path, more: float) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(MODEL.format(more=more))


def test_a_saved_class_serves_without_a_lost_request(
    tmp_path: Path, run: Callable[..., Running]
) -> None:
    adder(tmp_path, 1)
    running = run("model.py:Adder")
    running.wait("adder", "Ready")
    with calling(running, "adder") as caller:
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
    with calling(running, "adder") as caller:
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
    with calling(running, "adder") as caller:
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
    with calling(running, "adder") as caller:
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
