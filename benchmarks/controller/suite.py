"""The controller's benchmark from its arguments to its result."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from controller import cases
from controller.targets import judged, table
from controller.world import cluster, pace
from data_plane.report import where
from data_plane.rounds import say
from data_plane.suite import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controller.targets import Numbers

CASES = ("ready", "stored", "restart", "edit", "apply", "idle")
NODES = 20


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
    found: dict[str, Numbers] = {}
    loops = [pace()]

    def measure(name: str, case: Callable[[], Numbers]) -> None:
        if options.wants(name):
            say(f"controller: {name}")
            found[name] = case()
            loops.append(pace())

    if options.wants("ready", "apply", "idle"):
        with cluster(nodes=NODES) as running:
            measure("ready", lambda: cases.made(running, many))
            measure("idle", lambda: cases.idle(running))
            measure("apply", lambda: cases.applied(running, 100, 10))
    if options.wants("stored", "restart", "edit"):
        with cluster(nodes=None) as running:
            found["stored"] = cases.stored(running, most)
            measure("restart", lambda: cases.restarted(running, most))
            measure("edit", lambda: cases.edited(running))
    rows = judged(found)
    shown = ", ".join(f"{value:.1f}" for value in load)
    how = (
        f"{many:,} services to Ready on KWOK with an Ingress each, {most:,} stored "
        f"without pods, on a real kube-apiserver beside the controller. {where()}; "
        f"load before {shown}. A fixed loop of Python took {min(loops):.0f} to "
        f"{max(loops):.0f} ms of CPU between the cases: CPU times are as much too long."
    )
    parts = ["## Controller", table(rows), how]
    verdicts = [each for _, each in rows]
    data = {
        "numbers": found,
        "loops": loops,
        "targets": [asdict(each) for each in verdicts],
    }
    return Result(markdown="\n\n".join(parts) + "\n", data=data, verdicts=verdicts)
