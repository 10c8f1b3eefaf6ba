"""Choose a runtime as KServe does (explicit name; scope, auto-select, priority).

An omitted protocol means v1 where a ServingRuntime or ClusterServingRuntime speaks it,
as KServe has it, and else any that is spoken. Where KServe guesses, this refuses or
says why: a tie in one scope is an error, a version matches exactly or by its leading
parts, and the priority is that of the entry whose version matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from inferry.planning import _refusals
from inferry.planning._known import listed
from inferry.planning._verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.api._types import ModelSpec, SupportedModelFormat
    from inferry.planning._catalog import Catalog, RuntimeEntry
    from inferry.planning.plan import RuntimeChoice

_KEPT = "the service keeps the runtime that it has"
PROTOCOL_ORDER = ("v1", "v2", "grpc-v1", "grpc-v2", "openai")


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A runtime that was looked at; ``why`` says why it was, or was not, chosen."""

    name: str
    origin: str
    chosen: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The runtime of a model, with what was matched and everything that was not."""

    entry: RuntimeEntry
    format: SupportedModelFormat
    protocol: str
    why: str
    candidates: tuple[Candidate, ...] = ()


def select(
    model: ModelSpec,
    namespace: str,
    catalog: Catalog,
    *,
    multi_node: bool = False,
    previous: RuntimeChoice | None = None,
) -> Selection:
    """Choose the runtime for *model*; *previous* is kept as long as it fits.

    Raises:
        PlanningError: None fits, the one that is named does not, or two fit equally.

    """
    visible = catalog.visible(namespace)
    if model.runtime:
        return _named(model, model.runtime, visible)
    if model.model_format is None:
        raise _refusals.no_format()
    verdicts = [
        judge(entry, model, automatic=True, multi_node=multi_node) for entry in visible
    ]
    accepted = [verdict for verdict in verdicts if verdict.fault is None]
    if not accepted:
        raise _refusals.none_fits(model, verdicts, catalog.broken)
    leading = _leading(_speaking(model, accepted))
    kept = _kept(previous, accepted)
    if kept is not None and leading != [kept]:
        return _selection(model, kept, _KEPT, verdicts)
    if len(leading) > 1:
        raise _refusals.ambiguous(model, [each.entry for each in leading])
    why = _why_best(leading[0], accepted)
    return _selection(model, leading[0], why, verdicts)


def _named(model: ModelSpec, name: str, visible: Sequence[RuntimeEntry]) -> Selection:
    entry = next((each for each in visible if each.name == name), None)
    by_alias = [each for each in visible if name in each.aliases]
    if entry is None and len(by_alias) > 1:
        raise _refusals.ambiguous_alias(name, by_alias)
    if entry is None and by_alias:
        entry = by_alias[0]
    if entry is None:
        raise _refusals.not_recognized(name, visible)
    verdict = judge(entry, model, automatic=False)
    if verdict.fault is not None or verdict.match is None:
        raise _refusals.named_does_not_fit(model, verdict)
    alias = "" if entry.name == name else f" by its alias {name}"
    return _selection(model, verdict, f"the service names it{alias}", [verdict])


def _kept(
    previous: RuntimeChoice | None, accepted: Sequence[Verdict]
) -> Verdict | None:
    """Return the verdict on the runtime that served before, of whatever version."""
    if previous is None:
        return None
    before = (previous.name, previous.scope, previous.plugin)
    for each in accepted:
        if (each.entry.name, each.entry.scope, each.entry.plugin) == before:
            return each
    return None


def _speaking(model: ModelSpec, accepted: Sequence[Verdict]) -> Sequence[Verdict]:
    """Leave those that speak v1, where no protocol is asked for and some of them do.

    KServe takes an omitted protocol for v1: callers of a service that moves ask its
    ``/v1`` paths. Plugins come after what is written in YAML, whatever they speak.
    """
    if model.protocol_version:
        return accepted
    written = [each for each in accepted if each.entry.scope != "plugin"]
    return [each for each in written if _speaks_v1(each.entry)] or accepted


def _speaks_v1(entry: RuntimeEntry) -> bool:
    return not entry.protocols or "v1" in entry.protocols


def _leading(accepted: Sequence[Verdict]) -> list[Verdict]:
    """Return the best of *accepted*: one, or several of which none is better."""
    same_scope = _same_scope(accepted)
    best = min(_rank(each) for each in same_scope)
    return [each for each in same_scope if _rank(each) == best]


def _rank(verdict: Verdict) -> tuple[int, int]:
    """Return what the least of is best: the highest priority, the first protocol."""
    return -verdict.priority, _first_protocol(verdict.entry)


def _first_protocol(entry: RuntimeEntry) -> int:
    return min(map(_place, entry.protocols), default=len(PROTOCOL_ORDER))


def _place(protocol: str) -> int:
    """Return where *protocol* stands; one that nobody knows comes last."""
    known = protocol in PROTOCOL_ORDER
    return PROTOCOL_ORDER.index(protocol) if known else len(PROTOCOL_ORDER)


def _same_scope(accepted: Sequence[Verdict]) -> list[Verdict]:
    scope = accepted[0].entry.scope  # the catalog is in order of precedence
    return [each for each in accepted if each.entry.scope == scope]


def _selection(
    model: ModelSpec, chosen: Verdict, rule: str, verdicts: Sequence[Verdict]
) -> Selection:
    protocol, protocol_why = _protocol(model, chosen.entry)
    why = "; ".join(part for part in (rule, chosen.how, protocol_why) if part)
    return Selection(
        entry=chosen.entry,
        format=chosen.match or chosen.entry.formats[0],
        protocol=protocol,
        why=why,
        candidates=tuple(
            Candidate(
                name=each.entry.name,
                origin=each.entry.origin,
                chosen=each is chosen,
                why=why
                if each is chosen
                else _rejection(each, chosen, rule, asked=bool(model.protocol_version)),
            )
            for each in verdicts
        ),
    )


def _why_best(best: Verdict, accepted: Sequence[Verdict]) -> str:
    name = best.match.name if best.match else ""
    if len(accepted) == 1:
        return f"the only runtime that serves {name}"
    if sum(each.entry.scope == best.entry.scope for each in accepted) == 1:
        return f"serves {name}; {_scope_rule(best.entry)}"
    return f"serves {name} with the highest priority ({best.priority or 'none'})"


def _scope_rule(entry: RuntimeEntry) -> str:
    if entry.scope == "namespace":
        return f"runtimes of namespace {entry.namespace} come first"
    return "runtimes of the cluster come before plugins"


def _rejection(verdict: Verdict, chosen: Verdict, rule: str, *, asked: bool) -> str:
    if verdict.fault is not None:
        return verdict.why
    if rule == _KEPT:
        return f"would serve it, but {_KEPT}"
    if _speaks_v1(chosen.entry) and not _speaks_v1(verdict.entry) and not asked:
        return (
            f"would serve it, but speaks {listed(verdict.entry.protocols)}, and a "
            "service that names no protocol is served v1 where it can be"
        )
    if verdict.entry.scope != chosen.entry.scope:
        return f"would serve it, but {_scope_rule(chosen.entry)}"
    if verdict.priority == chosen.priority:
        first = min(chosen.entry.protocols, key=_place)
        return f"would serve it too, but {chosen.entry.name} speaks {first}"
    return (
        f"would serve it, but its priority {verdict.priority or 'none'} is lower "
        f"than {chosen.priority}"
    )


def _protocol(model: ModelSpec, entry: RuntimeEntry) -> tuple[str, str]:
    """Return the protocol to serve; v1 where nothing is asked and it is spoken."""
    if model.protocol_version:
        return model.protocol_version, ""
    if not entry.protocols or "v1" in entry.protocols:
        return "v1", ""
    lowest = min(entry.protocols, key=_place)
    return lowest, f"protocol {lowest}, the first that it speaks"
