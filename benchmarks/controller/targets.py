"""The controller's targets, and what KServe's own manager took on such a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_plane.targets import Verdict, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Numbers = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """*what* of *case* may be at most *most*; *kserve* is what its manager took."""

    case: str
    what: str
    most: float
    unit: str
    title: str
    kserve: str = "-"


#: KServe's: the manager of 2026-08-21 with 1,000 services in Standard mode on KWOK, on
#: an API server of the same version and 2 CPUs; with Ingress, and with HTTPRoute.
TARGETS = (
    Bound(
        case="ready",
        what="seconds",
        most=45,
        unit="s",
        title="services to Ready",
        kserve="81 to 164 s for 900",
    ),
    Bound(
        case="ready",
        what="controller CPU",
        most=4,
        unit="ms",
        title="controller CPU, each",
        kserve="22 to 31 ms",
    ),
    Bound(
        case="ready",
        what="API server CPU",
        most=50,
        unit="ms",
        title="API server CPU, each",
        kserve="97 to 139 ms",
    ),
    Bound(
        case="ready",
        what="calls",
        most=8,
        unit="",
        title="calls, each",
        kserve="23 to 31",
    ),
    Bound(
        case="stored",
        what="memory",
        most=200,
        unit="MiB",
        title="stored: controller memory",
        kserve="171 to 182 MiB for 1,000",
    ),
    Bound(
        case="restart",
        what="memory",
        most=200,
        unit="MiB",
        title="restarted: controller memory",
    ),
    Bound(
        case="restart",
        what="seconds",
        most=4,
        unit="s",
        title="restart, nothing changed",
        kserve="13 s for 1,000",
    ),
    Bound(
        case="restart",
        what="writes",
        most=0,
        unit="",
        title="writes at the restart",
        kserve="2 each",
    ),
    Bound(case="restart", what="pass", most=1, unit="s", title="full pass from cache"),
    Bound(
        case="edit",
        what="milliseconds",
        most=100,
        unit="ms",
        title="an edit during the restart",
    ),
    Bound(
        case="apply",
        what="p99",
        most=200,
        unit="ms",
        title="apply to children at 10/s, p99",
    ),
    Bound(case="idle", what="core", most=1, unit="%", title="idle, of a core"),
)


def verdict(bound: Bound, value: float) -> Verdict:
    """Judge one number."""
    return Verdict(
        what=f"{bound.case}: {bound.what}",
        target=f"<= {bound.most:g} {bound.unit}".rstrip(),
        result=f"{number(value)} {bound.unit}".rstrip(),
        met=value <= bound.most,
        value=value,
    )


def judged(found: Mapping[str, Numbers]) -> list[tuple[Bound, Verdict]]:
    """Return the verdict on everything that was measured."""
    return [
        (bound, verdict(bound, found[bound.case][bound.what]))
        for bound in TARGETS
        if bound.case in found
    ]


def table(rows: Iterable[tuple[Bound, Verdict]]) -> str:
    """Return the targets beside the results, and beside KServe's manager."""
    lines = [
        "| what | target | Inferry | met | KServe's manager |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {bound.title} | {each.target} | {each.result} "
        f"| {'yes' if each.met else '**no**'} | {bound.kserve} |"
        for bound, each in rows
    ]
    return "\n".join(lines)
