"""Choose a runtime as KServe does (explicit name; scope, auto-select, priority).

Where KServe guesses, this refuses or says why: a tie in one scope is an error, an
omitted protocol means any protocol that the runtime speaks, a version matches exactly
or by its leading parts, and the priority is that of the entry whose version matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from inferry.planning import _refusals
from inferry.planning._known import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.api._types import ModelFormatRef, ModelSpec, SupportedModelFormat
    from inferry.planning._catalog import Catalog, RuntimeEntry
    from inferry.planning.plan import RuntimeChoice

_KEPT = "the service keeps the runtime that it has"
_OK: tuple[None, str] = (None, "")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one runtime says to one model: a match, or the first thing that is wrong."""

    entry: RuntimeEntry
    match: SupportedModelFormat | None = None
    how: str = ""
    fault: _refusals.Fault | None = None
    why: str = ""

    @property
    def priority(self) -> int:
        """The priority of the entry that matched; none counts as lowest."""
        return (self.match.priority or 0) if self.match else 0


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
    if kept := _kept(previous, accepted):
        return _selection(model, kept, _KEPT, verdicts)
    best, why = _best(model, accepted)
    return _selection(model, best, why, verdicts)


def judge(
    entry: RuntimeEntry, model: ModelSpec, *, automatic: bool, multi_node: bool = False
) -> Verdict:
    """Say whether *entry* can serve *model*, and if not, the first reason why."""
    wanted = model.model_format
    same = [each for each in entry.formats if wanted and each.name == wanted.name]
    if not entry.formats or (wanted and not same):
        why = f"does not serve {wanted.name}" if wanted else "names no model format"
        return Verdict(entry=entry, fault=_refusals.Fault.FORMAT, why=why)
    match, how = _match(wanted, same or list(entry.formats), automatic=automatic)
    if match is None:
        versions = listed(sorted({each.version or "any" for each in same}))
        why = f"serves {wanted.name if wanted else ''} {versions}"
        return Verdict(entry=entry, fault=_refusals.Fault.VERSION, why=why)
    fault, why = _fault(entry, model, match, automatic=automatic, multi_node=multi_node)
    return Verdict(entry=entry, match=match, how=how, fault=fault, why=why)


def _fault(
    entry: RuntimeEntry,
    model: ModelSpec,
    match: SupportedModelFormat,
    *,
    automatic: bool,
    multi_node: bool,
) -> tuple[_refusals.Fault | None, str]:
    protocol = model.protocol_version
    if protocol and entry.protocols and protocol not in entry.protocols:
        return _refusals.Fault.PROTOCOL, f"speaks {listed(entry.protocols)}"
    if entry.disabled:
        return _refusals.Fault.DISABLED, "is disabled"
    return _automatic_fault(entry, match, multi_node=multi_node) if automatic else _OK


def _automatic_fault(
    entry: RuntimeEntry, match: SupportedModelFormat, *, multi_node: bool
) -> tuple[_refusals.Fault | None, str]:
    if entry.multi_model:
        return _refusals.Fault.SHAPE, "is for many models per server (multiModel)"
    if entry.multi_node != multi_node:
        kind = "one node" if multi_node else "several nodes (workerSpec)"
        return _refusals.Fault.SHAPE, f"is for {kind}"
    if not match.auto_select:
        return _refusals.Fault.NOT_AUTOMATIC, "is used only by name (autoSelect: false)"
    return _OK


def _match(
    wanted: ModelFormatRef | None,
    entries: Sequence[SupportedModelFormat],
    *,
    automatic: bool,
) -> tuple[SupportedModelFormat | None, str]:
    """Return the entry that serves the version, and how; the surest match first."""
    asked = wanted.version if wanted else None
    found: list[tuple[tuple[int, bool, int], SupportedModelFormat, str]] = []
    for entry in entries:
        rank, how = _version_match(asked, entry.version)
        if rank:
            usable = entry.auto_select or not automatic
            found.append(((rank, usable, entry.priority or 0), entry, how))
    if not found:
        return None, ""
    _, entry, how = max(found, key=lambda each: each[0])
    return entry, how


def _version_match(asked: str | None, offered: str | None) -> tuple[int, str]:
    if not asked:
        return 1, ""
    if offered is None:
        return 1, f"version {asked}: it names no version"
    if asked == offered:
        return 3, f"version {asked} exactly"
    short, long = sorted((asked.split("."), offered.split(".")), key=len)
    if long[: len(short)] == short:
        return 2, f"version {asked} as {offered}"
    return 0, ""


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


def _best(model: ModelSpec, accepted: Sequence[Verdict]) -> tuple[Verdict, str]:
    """Return the best of *accepted*, and why it is."""
    scope = accepted[0].entry.scope  # the catalog is in order of precedence
    same_scope = [each for each in accepted if each.entry.scope == scope]
    highest = max(each.priority for each in same_scope)
    tied = [each for each in same_scope if each.priority == highest]
    if len(tied) > 1:
        raise _refusals.ambiguous(model, [each.entry for each in tied])
    return tied[0], _why_best(tied[0], accepted, same_scope)


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
                why=why if each is chosen else _rejection(each, chosen, rule),
            )
            for each in verdicts
        ),
    )


def _why_best(
    best: Verdict, accepted: Sequence[Verdict], same_scope: Sequence[Verdict]
) -> str:
    name = best.match.name if best.match else ""
    if len(accepted) == 1:
        return f"the only runtime that serves {name}"
    if len(same_scope) == 1:
        return f"serves {name}; {_scope_rule(best.entry)}"
    return f"serves {name} with the highest priority ({best.priority or 'none'})"


def _scope_rule(entry: RuntimeEntry) -> str:
    if entry.scope == "namespace":
        return f"runtimes of namespace {entry.namespace} come first"
    return "runtimes of the cluster come before plugins"


def _rejection(verdict: Verdict, chosen: Verdict, rule: str) -> str:
    if verdict.fault is not None:
        return verdict.why
    if rule == _KEPT:
        return f"would serve it, but {_KEPT}"
    if verdict.entry.scope != chosen.entry.scope:
        return f"would serve it, but {_scope_rule(chosen.entry)}"
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
    lowest = min(entry.protocols, key=PROTOCOL_ORDER.index)
    return lowest, f"protocol {lowest}, the first that it speaks"
