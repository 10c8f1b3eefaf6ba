from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
from inferry_controller.kube import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("kubernetes", "asyncio")}
    yield
    root.handlers[:] = before
    root.setLevel(level)
    for name, each in others.items():
        logging.getLogger(name).setLevel(each)


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_fields_of_controller_runtime() -> None:
    out = io.StringIO()
    logs.configure("info", to=out)
    logging.getLogger("inferry_controller.test").warning("it is %s\nreally", "so")
    (line,) = lines(out)
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "warn",
        "logger": "inferry_controller.test",
        "msg": "it is so\nreally",
    }


def test_lines_of_a_reconcile_say_which_object_it_is_about() -> None:
    out = io.StringIO()
    logs.configure("info", to=out)
    log = logging.getLogger("test")
    with logs.bound("inferenceservice", ("models", "iris")):
        log.info("first")
        log.info("second")
    with logs.bound("inferenceservice", "runtimes"):
        log.info("third")
    log.info("outside")
    first, second, third, outside = lines(out)
    assert (first["controller"], first["namespace"], first["name"]) == (
        "inferenceservice",
        "models",
        "iris",
    )
    assert first["reconcileID"] == second["reconcileID"] != third["reconcileID"]
    assert third["name"] == "runtimes"
    assert "controller" not in outside


def test_a_trace_stands_in_the_line() -> None:
    out = io.StringIO()
    logs.configure("info", to=out)
    try:
        int("a defect")
    except ValueError:
        logging.getLogger("test").exception("failed")
    (line,) = lines(out)
    assert "ValueError: invalid literal" in line["stacktrace"]


def test_text_is_for_people() -> None:
    out = io.StringIO()
    logs.configure("debug", style="text", to=out)
    with logs.bound("inferenceservice", ("models", "iris")):
        logging.getLogger("test").info("ready")
    assert out.getvalue().rstrip().endswith("ready [inferenceservice models/iris]")
