"""Interleaved rounds: each server in turn, started anew, checked, timed, stopped."""

from __future__ import annotations

import math
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from data_plane import checks, load
from data_plane.cells import CELLS, IRIS_CELLS, Cell
from data_plane.peers import Peer, Place
from data_plane.requests import Request, WrongAnswerError
from data_plane.samples import Sample, Start
from data_plane.servers import SERVER_CORE, Server, ServerError, running
from measure import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

_REQUESTS_PER_CONNECTION = 20
_LONGEST = 10
_TRIES = 2
_TICKS = 100  # of /proc/stat, a second


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure, and for how long."""

    peers: Sequence[Peer]
    cells: Sequence[Cell]
    requests: dict[str, Request]
    environments: dict[str, Path]
    models: Path
    scratch: Path
    rounds: int
    seconds: int


@dataclass(kw_only=True)
class Measured:
    """What the rounds gave; ``faults`` are said to the user."""

    samples: list[Sample] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def measure(plan: Plan) -> Measured:
    """Run all rounds; every other one in the opposite order."""
    measured = Measured()
    for number in range(plan.rounds):
        order = plan.peers if number % 2 == 0 else plan.peers[::-1]
        for peer in order:
            say(f"round {number + 1}/{plan.rounds}: {peer.title}")
            try:
                _one_server(plan, peer, number, measured)
            except ServerError as error:
                measured.faults.append(f"{peer.title}: {error}")
                say(measured.faults[-1])
    return measured


def place_for(plan: Plan, peer: Peer) -> Place:
    """Return free ports and an empty scratch folder for *peer*."""
    scratch = plan.scratch / peer.name
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return Place(
        environment=plan.environments[peer.name],
        models=plan.models,
        scratch=scratch,
        http=free_port(),
        grpc=free_port(),
        metrics=free_port(),
    )


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """One server's turn in one round."""

    plan: Plan
    peer: Peer
    place: Place
    server: Server
    number: int

    def port(self, request: Request) -> int:
        """Return where *request* is answered."""
        return self.place.grpc if request.grpc else self.place.http


def _one_server(plan: Plan, peer: Peer, number: int, measured: Measured) -> None:
    place = place_for(plan, peer)
    with running(
        peer.command(place),
        ports=[place.http, place.grpc, place.metrics],
        log=place.scratch / "log",
        environment=peer.variables(place),
    ) as server:
        turn = _Turn(plan=plan, peer=peer, place=place, server=server, number=number)
        first = plan.requests["iris" if "iris" in peer.answers else "grpc.iris"]
        seconds = checks.until_right(
            first, turn.port(first), server, peer.start_timeout, values=peer.checked
        )
        cells = [cell for cell in plan.cells if cell.request in peer.answers]
        _cells(turn, [cell for cell in cells if cell.name in IRIS_CELLS], measured)
        measured.starts.append(_start(turn, seconds))
        _cells(turn, [cell for cell in cells if cell.name not in IRIS_CELLS], measured)


def _start(turn: _Turn, seconds: float) -> Start:
    memory = turn.server.memory()
    return Start(
        peer=turn.peer.name,
        round=turn.number,
        seconds=seconds,
        peak_rss=memory.peak_rss,
        pss=memory.pss,
    )


def _cells(turn: _Turn, cells: Sequence[Cell], measured: Measured) -> None:
    for cell in cells:
        request = turn.plan.requests[cell.request]
        try:
            if turn.peer.checked:
                checks.check(request, turn.port(request))
            measured.samples.append(_cell(turn, cell, request))
        except (WrongAnswerError, load.LoadError, OSError) as error:
            measured.faults.append(f"{turn.peer.title}, {cell.name}: {error}")
            say(measured.faults[-1])


def _cell(turn: _Turn, cell: Cell, request: Request) -> Sample:
    """Time one cell; a disturbed window is tried once more."""
    warm = _load(turn, cell, request, 1)
    wanted = _REQUESTS_PER_CONNECTION * cell.in_flight / warm.rate
    seconds = min(_LONGEST, max(turn.plan.seconds, math.ceil(wanted)))
    for _ in range(_TRIES):
        turn.server.wait_idle()
        sample = _window(turn, cell, request, seconds)
        if not sample.disturbed:
            break
    note = ", DISTURBED by others" if sample.disturbed else ""
    say(
        f"  {cell.name}: {sample.rate:,.0f}/s, {sample.cpu:,.0f} us CPU, "
        f"{sample.share:.0%} of its core{note}"
    )
    return sample


def _window(turn: _Turn, cell: Cell, request: Request, seconds: int) -> Sample:
    cpu, idle, began = turn.server.cpu_seconds(), _core_idle(), time.perf_counter()
    found = _load(turn, cell, request, seconds)
    wall = time.perf_counter() - began
    spent, idled = turn.server.cpu_seconds() - cpu, _core_idle() - idle
    return Sample(
        peer=turn.peer.name,
        cell=cell.name,
        round=turn.number,
        connections=cell.in_flight,
        requests=found.requests,
        rate=found.rate,
        p50=found.p50,
        p99=found.p99,
        cpu=spent / found.requests * 1e6,
        share=min(1.0, spent / found.seconds),
        # What idled before and after the window is not the window's.
        core_idle=max(0.0, (idled - (wall - found.seconds)) / found.seconds),
    )


def _load(turn: _Turn, cell: Cell, request: Request, seconds: int) -> load.Load:
    return load.run(
        request,
        turn.port(request),
        connections=cell.connections,
        streams=cell.streams,
        seconds=seconds,
    )


def _core_idle() -> float:
    """Return the seconds that the server's core has idled since the machine started."""
    name = f"cpu{SERVER_CORE} "
    lines = Path("/proc/stat").read_text().splitlines()
    line = next(line for line in lines if line.startswith(name))
    return sum(map(int, line.split()[4:6])) / _TICKS


def say(text: str) -> None:
    """Tell the user how far it is."""
    print(text, file=sys.stderr, flush=True)


def chosen(names: Sequence[str], *, quick: bool) -> list[Cell]:
    """Return the cells of *names*; without names all, or the quick ones."""
    if names:
        # Memory is that of a server which has worked.
        wanted = {*names, "iris-8"} if "memory" in names else {*names}
        return [cell for cell in CELLS.values() if cell.name in wanted]
    return [cell for cell in CELLS.values() if cell.quick or not quick]
