"""The runtimes' benchmark from its arguments to its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_plane.report import where
from data_plane.rounds import say
from data_plane.suite import Result
from data_plane.targets import Verdict
from runtimes.case import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CASES = names()
#: Microseconds that a call may take more than the library's own.
MOST_ADDED = 60.0
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
_HEAD = (
    "| model | rows | library, µs | ours, µs | added, µs "
    "| library loads, ms | ours loads, ms |"
)
_RULE = "|---|---|---|---|---|---|---|"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user chose; empty means everything."""

    quick: bool = False
    only: Sequence[str] = ()
    rounds: int = 0


def run(options: Options) -> Result:
    """Measure every runtime whose framework is installed."""
    rounds = options.rounds or (10 if options.quick else 60)
    found = {name: _cell(name, rounds) for name in options.only or CASES}
    verdicts = [*_verdicts(found)]
    parts = [
        "## Runtimes",
        _table(found),
        _method(rounds),
        *_left_out(found),
    ]
    data = {"numbers": found, "targets": [asdict(each) for each in verdicts]}
    return Result(markdown="\n\n".join(parts) + "\n", data=data, verdicts=verdicts)


def _method(rounds: int) -> str:
    return (
        f"`Model.predict` in process beside the library's own call, one thread each; "
        f"the least of {rounds} blocks that take turns, of 10 ms each. "
        f"At most {MOST_ADDED:.0f} µs may be added. "
        f"A load is one after all is imported; ours answers once and reads the "
        f"signature too. {where()}."
    )


def _cell(name: str, rounds: int) -> list[dict[str, Any]]:
    say(f"runtimes: {name}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "runtimes.cell", name, str(rounds)],
        cwd=Path(__file__).parents[1],
        env=os.environ | _ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip() or "no output").splitlines()[-1]
        say(f"runtimes: {name} FAILED: {reason}")
        return [{"title": name, "failed": reason}]
    measured: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    for each in measured:
        if "missing" in each:
            say(f"runtimes: {each['title']} LEFT OUT, {_without(each)}")
    return measured


def _verdicts(found: dict[str, list[dict[str, Any]]]) -> Iterable[Verdict]:
    for each in _each(found):
        if "failed" in each:
            yield Verdict(
                what=each["title"], target="runs", result=each["failed"], met=False
            )
        for call in each.get("calls", ()):
            yield Verdict(
                what=f"{each['title']}, {call['rows']} rows",
                target=f"at most {MOST_ADDED:.0f} µs added",
                result=f"{call['added']:.1f} µs",
                met=call["added"] <= MOST_ADDED,
                value=call["added"],
            )


def _table(found: dict[str, list[dict[str, Any]]]) -> str:
    lines = [_HEAD, _RULE]
    for each in _each(found):
        for index, call in enumerate(each.get("calls", ())):
            load = each["load"]
            loads = ("", "") if index else (_ms(load["bare"]), _ms(load["ours"]))
            added = f"{call['added']:.1f}"
            lines.append(
                f"| {'' if index else each['title']} | {call['rows']} "
                f"| {call['bare']:.1f} | {call['ours']:.1f} "
                f"| {added if call['added'] <= MOST_ADDED else f'**{added}**'} "
                f"| {loads[0]} | {loads[1]} |"
            )
    return "\n".join(lines)


def _left_out(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        f"- {each['title']}: {each.get('failed') or _without(each)}"
        for each in _each(found)
        if "calls" not in each
    ]
    return ["Left out:", "\n".join(lines)] if lines else []


def _without(each: dict[str, Any]) -> str:
    return f"not installed: {', '.join(each['missing'])}"


def _each(found: dict[str, list[dict[str, Any]]]) -> Iterable[dict[str, Any]]:
    return (each for cases in found.values() for each in cases)


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f}"
