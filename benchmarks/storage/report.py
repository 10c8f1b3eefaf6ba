"""The section of the downloads: targets, then every client."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from data_plane.report import targets_table, where
from data_plane.targets import Verdict, number
from storage.clients import CLIENTS, MANY, ONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_plane.samples import Spread
    from storage.rounds import Measured, Plan

_UNITS = {ONE: "MiB/s", MANY: "files/s"}


def clients_table(measured: Measured, plan: Plan) -> str:
    """Return one line per case and client."""
    lines = [
        "| case | client | rate, median [least - most] | n | peak memory, MiB |",
        "|---|---|---|---|---|",
    ]
    for case, unit in _UNITS.items():
        rates, memory = measured.rates(case, plan), measured.memory(case)
        lines += [
            f"| {case} | {CLIENTS[name].title} | {_rate(rates[name])} {unit} "
            f"| {rates[name].count} | {number(memory[name].high)} |"
            for name in CLIENTS
            if name in rates
        ]
    return "\n".join(lines)


def _rate(spread: Spread) -> str:
    return f"{number(spread.median)} [{number(spread.low)} - {number(spread.high)}]"


def markdown(
    plan: Plan,
    measured: Measured,
    verdicts: Sequence[Verdict],
    versions: Mapping[str, str],
    load: Sequence[float],
) -> str:
    """Return the section for people."""
    shown = ", ".join(f"{value:.1f}" for value in load)
    how = (
        f"Medians of {plan.rounds} interleaved rounds from SeaweedFS on the same "
        f"machine, `sync` before each, every byte compared. {where()}; load before the "
        f"first round {shown}."
    )
    parts = ["## Storage", targets_table(verdicts), how]
    if measured.runs:
        parts += ["### Every client", clients_table(measured, plan)]
    notes = "\n".join(
        f"- {CLIENTS[name].title}: {version or 'of this machine'} "
        f"({CLIENTS[name].notes})"
        for name, version in versions.items()
    )
    parts += ["### Versions of the clients", notes]
    if measured.faults:
        faults = "\n".join(f"- {' '.join(f.split())[:400]}" for f in measured.faults)
        parts += ["### What did not work", faults]
    return "\n\n".join(parts) + "\n"


def as_json(
    plan: Plan,
    measured: Measured,
    verdicts: Sequence[Verdict],
    versions: Mapping[str, str],
    details: Sequence[object],
) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "rounds": plan.rounds,
        "cpus": os.cpu_count(),
        "versions": dict(versions),
        "targets": [asdict(verdict) for verdict in verdicts],
        "runs": [asdict(run) for run in measured.runs],
        "details": list(details),
        "faults": measured.faults,
    }
