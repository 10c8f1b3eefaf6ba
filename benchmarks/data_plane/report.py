"""The result: two Markdown tables for people, a JSON for programs."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_plane import load
from data_plane.cells import CELLS, Cell
from data_plane.peers import PEERS
from data_plane.samples import Sample, Spread, rates, spread
from data_plane.targets import Verdict, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from data_plane.rounds import Measured

_VERDICTS = {True: "yes", False: "**no**", None: "-"}


def targets_table(verdicts: Iterable[Verdict]) -> str:
    """Return the targets beside the results."""
    lines = ["| case | target | result | met |", "|---|---|---|---|"]
    lines += [
        f"| {v.what} | {v.target} | {v.result} | {_VERDICTS[v.met]} |" for v in verdicts
    ]
    return "\n".join(lines)


def rates_table(samples: Sequence[Sample], *, by_cpu: bool = False) -> str:
    """Return one line per cell and server."""
    columns = [
        *("cell", "server", "requests/s, median [least - most]", "n"),
        *("p50 ms", "p99 ms", "CPU us/request", "core used"),
    ]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for cell in CELLS.values():
        found = rates(samples, cell.name, by_cpu=by_cpu)
        for peer in PEERS:
            if peer in found:
                lines.append(_line(cell, peer, found[peer], samples, by_cpu=by_cpu))
            elif any(s.peer == peer and s.cell == cell.name for s in samples):
                title = PEERS[peer].title
                lines.append(f"| {cell.name} | {title} | disturbed | 0 | | | | |")
    return "\n".join(lines)


def _line(
    cell: Cell, peer: str, rate: Spread, samples: Sequence[Sample], *, by_cpu: bool
) -> str:
    kept = [
        s
        for s in samples
        if s.peer == peer and s.cell == cell.name and (by_cpu or not s.disturbed)
    ]

    def median(values: Iterable[float]) -> float:
        found = spread(values)
        return 0.0 if found is None else found.median

    cells = (
        cell.name,
        PEERS[peer].title,
        f"{number(rate.median)} [{number(rate.low)} - {number(rate.high)}]",
        str(rate.count),
        number(median(s.p50 for s in kept) / 1e3),
        number(median(s.p99 for s in kept) / 1e3),
        number(median(s.cpu for s in kept)),
        f"{median(s.share for s in kept):.0%}",
    )
    return f"| {' | '.join(cells)} |"


def starts_table(measured: Measured) -> str:
    """Return start and memory of each server."""
    lines = [
        "| server | start to first right answer, s | peak RSS, MiB | PSS, MiB |",
        "|---|---|---|---|",
    ]
    for peer in PEERS:
        own = [start for start in measured.starts if start.peer == peer]
        if own:
            values = (
                spread(s.seconds for s in own),
                spread(s.peak_rss for s in own),
                spread(s.pss for s in own),
            )
            shown = " | ".join(number(v.median) for v in values if v is not None)
            lines.append(f"| {PEERS[peer].title} | {shown} |")
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """Describe where this was measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cpu": models[0] if models else platform.machine(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def where() -> str:
    """Say where this was measured."""
    found = machine()
    return (
        f"{found['when']}, {found['cpu']}, {found['cpus']} CPUs, "
        f"{found['memory_gib']} GiB, Linux {found['kernel']}, "
        f"Python {found['python']}"
    )


def as_json(
    measured: Measured,
    verdicts: Sequence[Verdict],
    versions: Mapping[str, Mapping[str, str]],
    extra: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "machine": {**machine(), "clients": load.versions()},
        "versions": versions,
        "targets": [asdict(verdict) for verdict in verdicts],
        "samples": [
            {**asdict(sample), "disturbed": sample.disturbed}
            for sample in measured.samples
        ],
        "starts": [asdict(start) for start in measured.starts],
        "faults": measured.faults,
        **extra,
    }


def markdown(
    measured: Measured,
    verdicts: Sequence[Verdict],
    versions: Mapping[str, Mapping[str, str]],
    how: str,
    *,
    by_cpu: bool = False,
) -> str:
    """Return the section of the data plane."""
    clients = ", ".join(load.versions().values())
    notes = [
        f"- {PEERS[peer].title}: {_main_versions(found)}"
        + (f" ({PEERS[peer].notes})" if PEERS[peer].notes else "")
        for peer, found in versions.items()
    ]
    parts = ["## Data plane", targets_table(verdicts), f"{how} {where()}, {clients}."]
    if measured.samples:
        parts += ["### Every cell", rates_table(measured.samples, by_cpu=by_cpu)]
    if measured.starts:
        parts += ["### Start and memory", starts_table(measured)]
    if notes:
        parts += ["### Versions", "\n".join(notes)]
    if measured.faults:
        faults = "\n".join(f"- {_one_line(fault)}" for fault in measured.faults)
        parts += ["### What did not work", faults]
    return "\n\n".join(parts) + "\n"


_MAIN = (
    *("inferry-server", "kserve", "mlserver", "litserve", "ray", "nvidia-pytriton"),
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "numpy"),
    *("onnxruntime", "grpcio", "protobuf", "msgspec", "orjson"),
)


def _main_versions(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {found[name]}" for name in _MAIN if name in found)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:400]
