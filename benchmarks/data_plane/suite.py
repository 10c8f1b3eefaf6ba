"""The data plane's benchmark from its arguments to its result."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_plane import (
    big_body,
    blocking,
    checks,
    environments,
    lanes,
    load,
    models,
    report,
    rounds,
)
from data_plane.cells import CELLS
from data_plane.peers import (
    GRPC_LIMIT,
    LIMIT,
    NO_FAST_LANE,
    OURS,
    PEERS,
    Peer,
    Place,
    inferry,
    inferry_command,
    with_scripts,
)
from data_plane.requests import IRIS_ROW, WrongAnswerError, all_requests
from data_plane.rounds import Measured, Plan, say
from data_plane.samples import Spread, rates, spread
from data_plane.servers import Server, ServerError, running
from data_plane.targets import TARGETS, Verdict, judge, miswired

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Cases beside `CELLS`; start and memory come from any round.
BEHAVIOURS = ("start", "memory", "lanes", "health", "big-body")
CASES = (*CELLS, *BEHAVIOURS)
_TROUBLE = (ServerError, WrongAnswerError, load.LoadError, OSError)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user chose; empty means everything."""

    quick: bool = False
    only: Sequence[str] = ()
    peers: Sequence[str] = ()
    rounds: int = 0
    seconds: int = 0
    by_cpu: bool = False

    def wants(self, case: str) -> bool:
        """Whether *case* is to be measured."""
        return not self.only or case in self.only


@dataclass(kw_only=True)
class Result:
    """The section for people and the data for programs."""

    markdown: str
    data: dict[str, Any]
    verdicts: list[Verdict] = field(default_factory=list)


class MissingError(Exception):
    """Something that the benchmark needs is not there; the message says what to do."""


def run(options: Options) -> Result:
    """Measure the data plane."""
    missing = load.missing_programs()
    if (os.cpu_count() or 1) < 2:
        missing.append("one CPU is not enough: server and client need one each")
    if missing:
        raise MissingError("\n".join(missing))
    os.sched_setaffinity(0, {int(load.CLIENT_CORE)})
    with tempfile.TemporaryDirectory(prefix="inferry-bench-") as folder:
        return _measure(options, Path(folder))


def _measure(options: Options, folder: Path) -> Result:
    models.write(folder / "models")
    peers, absent = _available(options)
    plan = Plan(
        peers=peers,
        cells=rounds.chosen(options.only, quick=options.quick),
        requests=all_requests(iris_probabilities(folder / "models")),
        environments=_environments(peers),
        models=folder / "models",
        scratch=folder,
        rounds=options.rounds or (1 if options.quick else 3),
        seconds=options.seconds or (1 if options.quick else 2),
    )
    timed = plan.cells or options.wants("start") or options.wants("memory")
    measured = rounds.measure(plan) if timed else Measured()
    measured.faults[:0] = absent
    verdicts, details = _judge(measured, options), []
    for name, measure in _MEASURES.items():
        if not options.wants(name):
            continue
        say(name)
        try:
            for verdict, detail in measure(plan, options.quick):
                say(f"  {verdict.what}: {verdict.result}")
                verdicts.append(verdict)
                details.append(detail)
        except _TROUBLE as error:
            measured.faults.append(f"{name}: {error}")
            say(measured.faults[-1])
            verdicts.append(
                Verdict(what=name, target="-", result="it failed, see below", met=None)
            )
    return _result(plan, measured, verdicts, details, by_cpu=options.by_cpu)


def iris_probabilities(folder: Path) -> tuple[float, ...]:
    """Return what onnxruntime itself gives for the row that everybody is asked."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "iris" / "model.onnx"))
    rows = np.array([IRIS_ROW], np.float32)
    _, probabilities = session.run(None, {"input": rows})
    return tuple(map(float, probabilities[0]))


def _available(options: Options) -> tuple[list[Peer], list[str]]:
    """Return the servers to measure, and a line for each that cannot be."""
    if options.peers:
        names = [OURS, *(name for name in options.peers if name != OURS)]
        peers = [PEERS[name] for name in names]
    else:
        peers = [peer for peer in PEERS.values() if peer.quick or not options.quick]
    reasons = {peer.name: environments.unavailable(peer) for peer in peers}
    absent = [f"{PEERS[name].title}: {why}" for name, why in reasons.items() if why]
    for line in absent:
        say(f"left out: {line}")
    return [peer for peer in peers if not reasons[peer.name]], absent


def _environments(peers: Sequence[Peer]) -> dict[str, Path]:
    cache = environments.cache_folder()
    return {peer.name: environments.environment(peer, cache) for peer in peers}


def _judge(measured: Measured, options: Options) -> list[Verdict]:
    found: dict[str, dict[str, Spread]] = {
        cell: rates(measured.samples, cell, by_cpu=options.by_cpu) for cell in CELLS
    }
    for case, value in (("start", "seconds"), ("memory", "peak_rss")):
        found[case] = {}
        for peer in PEERS:
            own = [s for s in measured.starts if s.peer == peer]
            spreaded = spread(getattr(start, value) for start in own)
            if spreaded is not None:
                found[case][peer] = spreaded
    for cell, limit in (("iris-8", LIMIT), ("grpc.iris", GRPC_LIMIT)):
        wrong = miswired(found[cell], limit)
        if wrong:
            measured.faults.append(wrong)
    return [
        judge(target, found[target.case])
        for target in TARGETS
        if options.wants(target.case)
    ]


@contextmanager
def _ours(
    plan: Plan, command: Callable[[Place], list[str]]
) -> Iterator[tuple[Server, Place]]:
    place = rounds.place_for(plan, PEERS[OURS])
    with running(
        command(place),
        ports=[place.http, place.grpc, place.metrics],
        log=place.scratch / "log",
        environment=with_scripts(place),
    ) as server:
        yield server, place


_Found = Iterator[tuple[Verdict, object]]


def _lanes(plan: Plan, _: bool) -> _Found:  # noqa: FBT001 - called from the table
    """Compare the fast lane with the ASGI lane, byte for byte."""
    wanted = [r for r in plan.requests.values() if not r.grpc]
    answers = []
    for command in (inferry(), inferry(NO_FAST_LANE)):
        with _ours(plan, command) as (server, place):
            checks.until_right(plan.requests["iris"], place.http, server)
            answers.append(lanes.answers(wanted, place.http))
    yield lanes.judge(*answers), None


def _health(plan: Plan, quick: bool) -> _Found:  # noqa: FBT001 - called from the table
    """Ask health on every lane while predictions block."""
    window = 4.0 if quick else 12.0
    for lane, flags in (
        ("fast lane", ()),
        ("ASGI lane", (NO_FAST_LANE,)),
        ("gRPC", ()),
    ):
        with _ours(plan, functools.partial(_slow, flags)) as (server, place):
            checks.until_right(blocking.slow_request(0.001), place.http, server)
            if lane == "gRPC":
                health = blocking.over_grpc(place.grpc, window)
            else:
                health = blocking.over_http(lane, place.http, window)
        yield blocking.judge(health), health


def _slow(flags: Sequence[str], place: Place) -> list[str]:
    model = f"--model=slow=slow_model:SlowModel:{place.scratch}"
    return [*inferry_command(place), model, "--slow.concurrency=1", *flags]


def _big_body(plan: Plan, quick: bool) -> _Found:  # noqa: FBT001 - called from the table
    """Send bodies of 300 MB, one to a fresh server, then many beside small requests."""
    iris = plan.requests["iris"]
    for form in big_body.FORMS:
        with _ours(plan, inferry()) as (server, place):
            checks.until_right(iris, place.http, server)
            refusal = big_body.refusal(server, place.http, form)
        for verdict in big_body.judge_refusal(refusal):
            yield verdict, refusal
    with _ours(plan, inferry()) as (server, place):
        checks.until_right(iris, place.http, server)
        found = big_body.neighbours(place.http, iris.body, 2 if quick else 6)
    yield big_body.judge_neighbours(found), found


_MEASURES = {"lanes": _lanes, "health": _health, "big-body": _big_body}


def _result(
    plan: Plan,
    measured: Measured,
    verdicts: list[Verdict],
    details: list[Any],
    *,
    by_cpu: bool,
) -> Result:
    versions = {
        peer.name: environments.versions(
            plan.environments[peer.name] / "bin" / "python"
        )
        for peer in plan.peers
    }
    how = (
        f"Medians of {plan.rounds} interleaved rounds with windows of at least "
        f"{plan.seconds} s, server on one core, client on another."
    )
    if by_cpu:
        how += " Rates are requests a second of the server's own CPU time."
    data = report.as_json(
        measured,
        verdicts,
        versions,
        {
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "by_cpu": by_cpu,
            "behaviours": [
                {"kind": type(item).__name__, **asdict(item)}
                for item in details
                if is_dataclass(item) and not isinstance(item, type)
            ],
        },
    )
    text = report.markdown(measured, verdicts, versions, how, by_cpu=by_cpu)
    return Result(markdown=text, data=data, verdicts=verdicts)
