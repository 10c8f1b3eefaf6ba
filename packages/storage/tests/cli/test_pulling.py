"""`inferry storage pull`, as people and scripts use it."""

from __future__ import annotations

import json
import os
import pty
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shelf


def test_it_says_what_came_and_how_it_was_verified(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    result = command("pull", shelf.uri(), str(dest))

    assert result.exit_code == 0
    said = f"{dest}: 4 files, 264 KiB, 264 KiB fetched, verified by digest\n"
    assert result.stdout == said
    assert (dest / "config.json").read_bytes() == b"{}"


def test_events_are_lines_of_json_on_stderr(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    result = command("pull", shelf.uri(), str(dest))

    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert {each["event"] for each in events} == {"progress"}
    assert events[0]["phase"] == "resolving"
    assert events[-1]["phase"] == "publishing"
    assert (events[-1]["done_bytes"], events[-1]["total_bytes"]) == (270_002, 270_002)


def test_json_is_the_result(command: Any, shelf: Shelf, dest: Path) -> None:
    result = command("pull", shelf.uri(), str(dest), "--json")

    told = json.loads(result.stdout)
    assert told["path"] == str(dest)
    assert (told["files"], told["bytes"], told["rung"]) == (4, 270_002, "digest")


def test_patterns_and_a_floor_can_be_given(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    more = ("--allow", "*.bin", "--allow", "*.json", "--ignore", "weights/two*")
    result = command("pull", shelf.uri(), str(dest), *more)
    assert result.exit_code == 0
    assert sorted(p.name for p in dest.rglob("*.*")) == ["config.json", "one.bin"]

    refused = command(
        "pull", shelf.uri("?promise=none"), f"{dest}2", "--require", "digest"
    )
    assert refused.exit_code == 5
    assert "require" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("{uri}",), 2, "Missing argument 'DEST'"),
        (("{uri}", ""), 2, "it is empty; '.' is the folder that you are in"),
        (("s4://bucket/model", "{dest}"), 5, "did you mean s3://bucket/model?"),
        (("s3:/bucket/model", "{dest}"), 2, "did you mean s3://bucket/model?"),
        (("{dest}", "s3://bucket/model"), 2, "the URI stands first"),
        (("{uri}", "{file}"), 5, "is a file; a model is put into a folder"),
        (("{uri}-none", "{dest}"), 3, "is on no shelf"),
        (("{uri}", "{dest}", "--allow", "*.onnx"), 3, "it holds config.json"),
        (("{uri}", "{dest}", "--require", "luck"), 2, "'luck' is not one of"),
    ],
)
def test_a_mistake_is_one_line_with_a_remedy(  # noqa: PLR0917 - fixtures and cases
    command: Any,
    shelf: Shelf,
    dest: Path,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    names = {"uri": shelf.uri(), "dest": dest, "file": shelf.root / "config.json"}

    result = command("pull", *(each.format(**names) for each in arguments))

    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not dest.exists()


def test_ctrl_c_says_that_it_can_be_gone_on_from(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    shelf.order("pause", "0.2")
    process = command.start("inferry", "storage", "pull", shelf.uri(), str(dest))
    shelf.wait_for("weights/one.bin")

    process.send_signal(signal.SIGINT)

    err = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert "the same command again goes on" in err
    assert "Traceback" not in err
    shelf.unorder("pause")
    assert command("pull", shelf.uri(), str(dest)).exit_code == 0
    assert [p.name for p in dest.parent.glob(".*")] == []


def test_a_terminal_has_a_bar(
    command: Any, shelf: Shelf, dest: Path, tmp_path: Path
) -> None:
    shelf.order("pause", "0.05")
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - another process
        os.environ["PYTHONPATH"] = os.pathsep.join(
            (str(command.plugin), os.environ.get("PYTHONPATH", ""))
        )
        os.environ["TERM"] = "xterm"
        os.environ["COLUMNS"] = "120"
        import sys

        arguments = ["-m", "inferry", "storage", "pull", shelf.uri(), str(dest)]
        os.execv(sys.executable, [sys.executable, *arguments])
    said = _all(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    assert "fetching" in said
    assert "of 264 KiB" in said
    assert "/4 files" in said
    assert '"event"' not in said


def _all(terminal: int) -> str:
    """Read what a terminal is told until who writes to it has ended."""
    found, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        try:
            found += os.read(terminal, 65536)
        except OSError:
            break
    os.close(terminal)
    return found.decode(errors="replace")
