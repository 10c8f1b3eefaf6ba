"""The targets: ratios within one run, and the bounds of what has no peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_plane.peers import LIMIT, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_plane.samples import Spread

BEST_PYTHON = "best Python peer"
PYTHON_PEERS = ("kserve", "mlserver", "litserve", "ray", "fastapi")
#: How near a limit may come to what it limits before the wiring is doubted.
_SAME = 0.02


@dataclass(frozen=True, kw_only=True)
class Target:
    """Ours divided by *against* is at least *least*, or at most *most*."""

    what: str
    case: str
    against: str
    least: float | None = None
    most: float | None = None

    @property
    def text(self) -> str:
        """The target as the table says it."""
        bound = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"
        return f"{bound}x {self.against}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line of the targets' table; ``met`` None: not measured."""

    what: str
    target: str
    result: str
    met: bool | None
    value: float | None = None


def _faster(what: str, case: str, **least: float) -> tuple[Target, ...]:
    names = {"best": BEST_PYTHON}
    return tuple(
        Target(what=what, case=case, against=names.get(peer, peer), least=bound)
        for peer, bound in least.items()
    )


TARGETS = (
    *_faster("iris V2 JSON", "iris-8", kserve=15, triton=4, **{LIMIT: 0.6}),
    *_faster("iris V1", "v1", kserve=9),
    *_faster("602 KB image tensor, binary", "img.bin", kserve=100, triton=1.7),
    *_faster("602 KB image tensor, JSON", "img.json", best=1.7),
    *_faster("64 KB text, JSON", "text.json", kserve=3.5),
    *_faster("64 KB text, binary", "text.bin", kserve=3.5),
    *_faster("gRPC iris", "grpc.iris", kserve=2),
    *_faster("gRPC 602 KB tensor", "grpc.img", kserve=1.7),
    Target(what="start to ready", case="start", against="kserve", most=0.45),
    Target(what="peak memory", case="memory", against="kserve", most=0.7),
)


def judge(target: Target, measured: Mapping[str, Spread]) -> Verdict:
    """Hold what was *measured* of one case, by server, against *target*."""
    against = _against(target, measured)
    ours = measured.get(OURS)
    if ours is None or against is None:
        missing = "ours" if ours is None else target.against
        return Verdict(
            what=target.what,
            target=target.text,
            result=f"not measured: {missing}",
            met=None,
        )
    name, other = against
    ratio = ours.median / other.median
    met = ratio >= target.least if target.least is not None else ratio <= _most(target)
    result = f"{ratio:.2f}x ({number(ours.median)} / {name} {number(other.median)})"
    return Verdict(
        what=target.what, target=target.text, result=result, met=met, value=ratio
    )


def _most(target: Target) -> float:
    return float("inf") if target.most is None else target.most


def _against(
    target: Target, measured: Mapping[str, Spread]
) -> tuple[str, Spread] | None:
    names = PYTHON_PEERS if target.against == BEST_PYTHON else (target.against,)
    found = [(measured[name].median, name) for name in names if name in measured]
    if not found:
        return None
    name = max(found)[1]
    return name, measured[name]


def miswired(measured: Mapping[str, Spread], limit_name: str = LIMIT) -> str:
    """Return what is wrong if a limit equals the server that it should limit."""
    ours, limit = measured.get(OURS), measured.get(limit_name)
    if ours is None or limit is None or limit.median == 0:
        return ""
    if abs(ours.median / limit.median - 1) > _SAME:
        return ""
    return (
        f"{limit_name}, a limit, ({number(limit.median)}/s) equals ours "
        f"({number(ours.median)}/s): one of them is not what its name says"
    )


def number(value: float) -> str:
    """Return *value* with three digits that matter, and thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
