"""Interleaved downloads: each client in turn, the disk at rest, every byte compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data_plane.rounds import say
from data_plane.samples import Spread, spread
from storage.clients import MANY, ONE, Client, Job, Store
from storage.runs import DownloadError, Run, check, clean_environment, fresh, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from storage.blobs import Blob

_MEBI = 2**20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is downloaded by whom."""

    clients: Sequence[Client]
    environments: Mapping[str, Path]
    store: Store
    trees: Mapping[str, Mapping[str, Blob]]  # by case, then by name
    copies: Mapping[str, Path]
    signed: str
    scratch: Path
    rounds: int
    quick: bool

    def bytes(self, case: str) -> int:
        """Return how many bytes *case* has."""
        return sum(blob.size for blob in self.trees[case].values())


@dataclass(kw_only=True)
class Measured:
    """What the rounds gave; ``faults`` are said to the user."""

    runs: list[Run] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def rates(self, case: str, plan: Plan) -> dict[str, Spread]:
        """Return MiB a second, or files a second, of each client."""
        amount = plan.bytes(case) / _MEBI if case == ONE else len(plan.trees[case])
        return self._spreads(case, lambda run: amount / run.seconds)

    def memory(self, case: str) -> dict[str, Spread]:
        """Return the peak memory of each client in MiB."""
        return self._spreads(case, lambda run: run.pss)

    def _spreads(self, case: str, value: Callable[[Run], float]) -> dict[str, Spread]:
        found: dict[str, list[float]] = {}
        for run in self.runs:
            if run.case == case:
                found.setdefault(run.client, []).append(value(run))
        return {name: s for name, values in found.items() if (s := spread(values))}


def measure(plan: Plan, cases: Sequence[str]) -> Measured:
    """Run all rounds; every other one in the opposite order.

    Each client runs once before: the first start in a new environment compiles.
    """
    measured = Measured()
    if not cases:
        return measured
    for client in plan.clients:
        _one(plan, client, ONE, -1, Measured())
    for number in range(plan.rounds):
        order = plan.clients if number % 2 == 0 else plan.clients[::-1]
        for case in cases:
            for client in order:
                if case in client.cases:
                    _one(plan, client, case, number, measured)
    return measured


def _one(
    plan: Plan, client: Client, case: str, number: int, measured: Measured
) -> None:
    try:
        run = download(plan, client, case, number)
    except DownloadError as error:
        measured.faults.append(f"{client.title}, {case}: {error}")
        say(measured.faults[-1])
        return
    measured.runs.append(run)
    say(
        f"round {number + 1}/{plan.rounds}: {case}, {client.title}: "
        f"{run.seconds:.2f} s, {run.cpu:.2f} s CPU, {run.pss:.0f} MiB"
    )


def download(plan: Plan, client: Client, case: str, number: int) -> Run:
    """Download once and compare every byte."""
    job = Job(
        store=plan.store,
        prefix=PREFIXES[case],
        target=fresh(plan.scratch / "target"),
        environment=plan.environments[client.name],
        copy=plan.copies[case],
        signed=plan.signed,
    )
    environment = clean_environment(
        {
            **plan.store.environment(),
            "XDG_CACHE_HOME": str(fresh(plan.scratch / "cache")),
            **client.variables,
        }
    )
    seconds, cpu, pss = timed(client.command(job), environment)
    check(job.target, plan.trees[case])
    return Run(
        client=client.name, case=case, round=number, seconds=seconds, cpu=cpu, pss=pss
    )


#: Where each case is in the bucket.
PREFIXES = {ONE: "one", MANY: "many"}
