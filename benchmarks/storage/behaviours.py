"""What a download must survive, and what it must not do twice."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data_plane.peers import OURS
from data_plane.rounds import say
from data_plane.targets import Verdict
from storage import pulling
from storage.blobs import Blob, differences
from storage.clients import BUCKET, MANY, ONE
from storage.faults import Cuts, FaultProxy
from storage.origin import Origin
from storage.rounds import PREFIXES
from storage.runs import DownloadError, check, fresh, timed
from storage.targets import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.rounds import Measured, Plan

_MEBI = 2**20
_GIBI = 2**30
MOST_MEMORY = 150
_WORKERS = 8
_PROCESSES = 8
_SECOND_MS = 50
SHARE = 0.6


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One run that was killed after *after* bytes, and the one after it."""

    after: int
    killed: bool
    again: int  # bytes that were sent twice
    bound: int  # one part for each worker
    wrong: str = ""
    litter: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one behaviour gave."""

    verdicts: list[Verdict]
    details: list[dict[str, Any]] = field(default_factory=list)


def memory(plan: Plan, measured: Measured) -> Outcome:
    """Look at the memory of the rounds, and of one object ten times as large."""
    found = measured.memory(ONE).get(OURS)
    verdicts = [_memory(plan.bytes(ONE), found.high)] if found else []
    size = (1 if plan.quick else 10) * _GIBI
    blob = Blob(size, seed=10)
    target = fresh(plan.scratch / "target")
    with Origin({f"{BUCKET}/large/large.bin": blob}) as origin:
        environment = _environment(plan, origin.url)
        command = [*pulling.INIT, f"s3://{BUCKET}/large", str(target)]
        _, _, pss = timed(command, environment)
    check(target, {"large.bin": blob})
    fresh(target)
    return Outcome(verdicts=[*verdicts, _memory(size, pss)])


def _memory(size: int, pss: float) -> Verdict:
    return Verdict(
        what=f"peak memory for {shown(size)}",
        target=f"<= {MOST_MEMORY} MiB",
        result=f"{pss:.0f} MiB",
        met=pss <= MOST_MEMORY,
        value=pss,
    )


def cuts(plan: Plan, _: Measured) -> Outcome:
    """Download while most connections end before their time."""
    tries, right, ended = (3 if plan.quick else 10), 0, 0
    size = plan.bytes(ONE)
    for seed in range(tries):
        cut = Cuts(share=SHARE, least=size // 200, most=size // 17, seed=seed)
        with _proxy(plan, cut) as proxy:
            done = _ours(plan, proxy, ONE)
            right += not done
            ended += proxy.cut
        say(f"  cut connections {seed + 1}/{tries}: {done or 'byte-exact'}")
    verdict = Verdict(
        what=f"{SHARE:.0%} of connections cut, {shown(size)}",
        target=f"{tries} of {tries} byte-exact",
        result=f"{right} of {tries} ({ended} connections were cut)",
        met=right == tries,
        value=right,
    )
    return Outcome(verdicts=[verdict])


def kills(plan: Plan, _: Measured) -> Outcome:
    """Kill a download at random points, and run it again."""
    tries, chance = (3 if plan.quick else 20), random.Random(9)
    clean = _clean_names(plan)
    found = []
    for number in range(tries):
        found.append(_kill(plan, chance.random(), clean))
        say(f"  kill {number + 1}/{tries}: {found[-1]}")
    return Outcome(
        verdicts=judge_kills(found), details=[asdict(each) for each in found]
    )


def _kill(plan: Plan, share: float, clean: set[str]) -> Kill:
    """Kill after *share* of all bytes, run again, and look at what is there."""
    size = plan.bytes(ONE)
    home, target = fresh(plan.scratch / "home"), fresh(plan.scratch / "target")
    with _proxy(plan) as proxy:
        environment = _environment(plan, proxy.url)
        command = [*pulling.INIT, f"s3://{BUCKET}/{PREFIXES[ONE]}", str(target)]
        code = pulling.run_until(proxy, int(share * size), command, environment)
        done = pulling.run(command, environment, seconds=300)
        part, sent = pulling.largest_part(proxy), proxy.sent
    wrong = differences(target, plan.trees[ONE])
    if done.returncode:
        wrong = [f"the second run ended with {done.returncode}: {done.stderr[-200:]}"]
    return Kill(
        after=int(share * size),
        killed=code < 0,
        again=sent - size,
        bound=_WORKERS * part,
        wrong="; ".join(wrong[:3]),
        litter=" ".join(sorted(pulling.names(home) - clean)[:3]),
    )


def _clean_names(plan: Plan) -> set[str]:
    """Return what an undisturbed run leaves beside its files."""
    home = fresh(plan.scratch / "home")
    with _proxy(plan) as proxy:
        if wrong := _ours(plan, proxy, ONE):
            raise DownloadError(f"undisturbed: {wrong}")
    return pulling.names(home)


def judge_kills(found: list[Kill]) -> list[Verdict]:
    """Hold the killed runs against what was promised."""
    count = len(found)
    right = sum(not kill.wrong for kill in found)
    clean = sum(not kill.litter for kill in found)
    within = sum(kill.again <= kill.bound for kill in found)
    most = max((kill.again for kill in found), default=0)
    bound = max((kill.bound for kill in found), default=0)
    what = f"kill -9 at {count} random points, run again"
    return [
        Verdict(
            what=f"{what}: byte-exact",
            target=f"{count} of {count}",
            result=f"{right} of {count} ({sum(k.killed for k in found)} were killed)",
            met=right == count,
            value=right,
        ),
        Verdict(
            what=f"{what}: no litter",
            target=f"{count} of {count}",
            result=f"{clean} of {count}",
            met=clean == count,
            value=clean,
        ),
        Verdict(
            what=f"{what}: fetched again",
            target="<= one part per worker",
            result=(
                f"{within} of {count} (most {most / _MEBI:.0f} MiB; "
                f"a part per worker is {bound / _MEBI:.0f} MiB)"
            ),
            met=within == count,
            value=most,
        ),
    ]


def shared(plan: Plan, _: Measured) -> Outcome:
    """Let processes fetch one snapshot into one cache at once."""
    fresh(plan.scratch / "home")
    size = plan.bytes(ONE)
    with _proxy(plan) as proxy:
        environment = _environment(plan, proxy.url)
        command = [*pulling.CACHED, f"s3://{BUCKET}/{PREFIXES[ONE]}"]
        started = [pulling.start(command, environment) for _ in range(_PROCESSES)]
        said = [process.communicate(timeout=300) for process in started]
        sent = proxy.sent
    failed = [
        err
        for process, (_, err) in zip(started, said, strict=True)
        if process.returncode
    ]
    if failed:
        raise DownloadError(failed[0][-300:])
    paths = {json.loads(out)["path"] for out, _ in said}
    for path in paths:
        check(Path(path), plan.trees[ONE])
    verdict = Verdict(
        what=f"{_PROCESSES} processes, one cache",
        target="one download",
        result=f"{sent / size:.2f} downloads, {len(paths)} folder",
        met=sent <= size and len(paths) == 1,
        value=sent / size,
    )
    return Outcome(verdicts=[verdict])


def second(plan: Plan, _: Measured) -> Outcome:
    """Fetch what the cache has already: in a process of its own, and in one that runs.

    The process fetches twice: only the first of them counts as its own time.
    """
    fresh(plan.scratch / "home")
    files = f"{len(plan.trees[MANY]):,} cached files"
    with _proxy(plan) as proxy:
        environment = _environment(plan, proxy.url)
        command = [*pulling.CACHED, f"s3://{BUCKET}/{PREFIXES[MANY]}"]
        _json(command, environment)
        sent = proxy.sent
        bare, found = [], []
        for _try in range(3 if plan.quick else 9):
            bare.append(_seconds([sys.executable, "-c", "pass"], environment))
            began = time.perf_counter()
            times = _json(command, environment)
            whole = time.perf_counter() - began - times["again"]
            found.append(times | {"whole": whole})
        again = proxy.sent - sent

    def milliseconds(key: str) -> float:
        return statistics.median(each[key] for each in found) * 1e3

    beyond = milliseconds("whole") - statistics.median(bare) * 1e3
    return Outcome(
        verdicts=[
            _second(f"second fetch of {files}", again, milliseconds("again")),
            _second(
                f"second fetch of {files}, all of a process beyond `python -c pass`",
                again,
                beyond,
                f" ({milliseconds('imports'):.0f} ms are imports and plugins)",
            ),
        ],
        details=found,
    )


def _second(what: str, again: int, spent: float, more: str = "") -> Verdict:
    return Verdict(
        what=what,
        target=f"no bytes, < {_SECOND_MS} ms",
        result=f"{again} bytes, {spent:.0f} ms{more}",
        met=again == 0 and spent < _SECOND_MS,
        value=spent,
    )


def _json(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    done = pulling.run(command, environment, seconds=300)
    if done.returncode:
        raise DownloadError(done.stderr[-300:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _seconds(command: list[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=dict(environment), check=True)
    return time.perf_counter() - began


def _ours(plan: Plan, proxy: FaultProxy, case: str) -> str:
    """Download *case* through *proxy*; return what is wrong."""
    target = fresh(plan.scratch / "target")
    uri = f"s3://{BUCKET}/{PREFIXES[case]}"
    done = pulling.pull(uri, target, _environment(plan, proxy.url), seconds=600)
    if done.returncode:
        return f"ended with {done.returncode}: {done.stderr[-300:]}"
    return "; ".join(differences(target, plan.trees[case])[:3])


def _proxy(plan: Plan, cut: Cuts | None = None) -> FaultProxy:
    parts = urlsplit(plan.store.endpoint)
    return FaultProxy((parts.hostname or "", parts.port or 80), cuts=cut)


def _environment(plan: Plan, endpoint: str) -> dict[str, str]:
    return {
        **pulling.surroundings(plan.scratch / "home", endpoint),
        **plan.store.environment(),
        "AWS_ENDPOINT_URL": endpoint,
    }


BEHAVIOURS = {
    "memory": memory,
    "cuts": cuts,
    "kills": kills,
    "shared": shared,
    "second": second,
}
