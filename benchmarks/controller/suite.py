"""The controller's benchmark from its arguments to its result."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from controller import cases
from controller.world import cluster
from data_plane.report import targets_table, where
from data_plane.rounds import say
from data_plane.suite import Result
from data_plane.targets import Verdict, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CASES = ("ready", "stored", "restart", "edit", "apply", "idle")
NODES = 20
#: What each number may be at most, and its unit.
BOUNDS = {
    ("ready", "seconds"): (45, "s"),
    ("ready", "controller CPU"): (4, "ms each"),
    ("ready", "API server CPU"): (50, "ms each"),
    ("ready", "calls"): (8, "each"),
    ("stored", "memory"): (200, "MiB"),
    ("restart", "seconds"): (4, "s to ready"),
    ("restart", "pass"): (1, "s of CPU for a full pass"),
    ("restart", "writes"): (0, "writes"),
    ("edit", "milliseconds"): (100, "ms"),
    ("apply", "p99"): (200, "ms"),
    ("idle", "core"): (1, "% of a core"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user chose; empty means everything."""

    quick: bool = False
    only: Sequence[str] = ()

    def wants(self, *names: str) -> bool:
        """Whether any of the cases *names* is to be measured."""
        return not self.only or bool(set(self.only) & set(names))


def run(options: Options) -> Result:
    """Measure the controller beside a real API server."""
    load = os.getloadavg()
    many, most = (100, 500) if options.quick else (1_000, 10_000)
    found: dict[str, dict[str, float]] = {}

    def measure(name: str, case: Callable[[], dict[str, float]]) -> None:
        if options.wants(name):
            say(f"controller: {name}")
            found[name] = case()

    if options.wants("ready", "apply", "idle"):
        with cluster(nodes=NODES) as running:
            measure("ready", lambda: cases.made(running, many))
            measure("idle", lambda: cases.idle(running))
            measure("apply", lambda: cases.applied(running, 100, 10))
    if options.wants("stored", "restart", "edit"):
        with cluster(nodes=None) as running:
            found["stored"] = cases.stored(running, most)
            measure("restart", lambda: cases.restarted(running))
            measure("edit", lambda: cases.edited(running))
    verdicts = [
        _verdict(case, what, bound, unit, found[case][what])
        for (case, what), (bound, unit) in BOUNDS.items()
        if case in found
    ]
    shown = ", ".join(f"{value:.1f}" for value in load)
    how = (
        f"{many:,} services to Ready on KWOK, {most:,} stored without pods, on a real "
        f"kube-apiserver beside the controller. {where()}; load before {shown}."
    )
    parts = ["## Controller", targets_table(verdicts), how]
    data = {"numbers": found, "targets": [asdict(each) for each in verdicts]}
    return Result(markdown="\n\n".join(parts) + "\n", data=data, verdicts=verdicts)


def _verdict(case: str, what: str, bound: float, unit: str, value: float) -> Verdict:
    return Verdict(
        what=f"{case}: {what}",
        target=f"<= {bound:g} {unit}",
        result=f"{number(value)} {unit}",
        met=value <= bound,
        value=value,
    )
