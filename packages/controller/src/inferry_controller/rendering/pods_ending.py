"""How a pod ends: serve on while others learn of it, then finish what is in flight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from inferry_controller.rendering.containers import flag

if TYPE_CHECKING:
    from collections.abc import Sequence

#: KServe's timeout of a request where the service gives none.
TIMEOUT = 60.0
#: Seconds until no gateway and no kube-proxy sends anything to a pod that is going.
_UNLEARN = 10
#: What writing the last payload logs and unloading may take.
_MARGIN = 10


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds of each step: ``pre_stop`` before SIGTERM, the others after it.

    Our server goes on accepting for ``delay``, telling clients to connect anew, and
    finishes what it has within ``drain``. ``grace`` is what the kubelet grants for all.
    """

    pre_stop: int
    delay: int
    drain: int
    grace: int


def ending(
    timeout: float | None,
    pod: dict[str, Any],
    args: Sequence[Any],
    *,
    ours: bool,
) -> Ending:
    """Return how a pod ends whose requests may take *timeout* seconds.

    A ``terminationGracePeriodSeconds`` of *pod* stays, and the rest is cut to fit; so
    do ``--drain_delay`` and ``--drain_timeout`` of *args*.
    """
    pre_stop = _UNLEARN // 2 if ours else _UNLEARN
    delay = _seconds(args, "drain_delay", _UNLEARN - pre_stop) if ours else 0
    asked = timeout or _seconds(args, "request_timeout", 0) or TIMEOUT
    drain = _seconds(args, "drain_timeout", asked) if ours else math.ceil(asked)
    given = pod.get("terminationGracePeriodSeconds")
    if not isinstance(given, int):
        grace = pre_stop + delay + drain + _MARGIN
        return Ending(pre_stop=pre_stop, delay=delay, drain=drain, grace=grace)
    pre_stop, delay = min(pre_stop, given // 4), min(delay, given // 4)
    left = given - pre_stop - delay - min(_MARGIN, given // 4)
    return Ending(
        pre_stop=pre_stop, delay=delay, drain=max(1, min(drain, left)), grace=given
    )


def end_well(container: dict[str, Any], end: Ending) -> None:
    """Let *container* serve on for ``pre_stop``, unless it has a hook of its own."""
    lifecycle = container.get("lifecycle") or {}
    if end.pre_stop and "preStop" not in lifecycle:
        hook = {"sleep": {"seconds": end.pre_stop}}
        container["lifecycle"] = lifecycle | {"preStop": hook}


def _seconds(args: Sequence[Any], name: str, default: float) -> int:
    """Return the value of a flag in whole seconds, *default* where it gives none."""
    try:
        number = float(flag(args, name) or default)
    except ValueError:  # the server will say so
        number = default
    return math.ceil(number) if math.isfinite(number) else math.ceil(default)
