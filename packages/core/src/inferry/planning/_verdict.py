"""What one runtime says to one model: that it fits and how, or what is wrong first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from inferry.planning._known import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.api._types import ModelFormatRef, ModelSpec, SupportedModelFormat
    from inferry.planning._catalog import RuntimeEntry

_OK: tuple[None, str] = (None, "")


class Fault(IntEnum):
    """What is wrong with a candidate, in the order in which it is looked at."""

    FORMAT = 1
    VERSION = 2
    PROTOCOL = 3
    DISABLED = 4
    SHAPE = 5
    NOT_AUTOMATIC = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one runtime says to one model: a match, or the first thing that is wrong."""

    entry: RuntimeEntry
    match: SupportedModelFormat | None = None
    how: str = ""
    fault: Fault | None = None
    why: str = ""

    @property
    def priority(self) -> int:
        """The priority of the entry that matched; none counts as lowest."""
        return (self.match.priority or 0) if self.match else 0


def judge(
    entry: RuntimeEntry, model: ModelSpec, *, automatic: bool, multi_node: bool = False
) -> Verdict:
    """Say whether *entry* can serve *model*, and if not, the first reason why."""
    wanted = model.model_format
    same = [each for each in entry.formats if wanted and each.name == wanted.name]
    if not entry.formats or (wanted and not same):
        why = f"does not serve {wanted.name}" if wanted else "names no model format"
        return Verdict(entry=entry, fault=Fault.FORMAT, why=why)
    match, how = _match(wanted, same or list(entry.formats), automatic=automatic)
    if match is None:
        versions = listed(sorted({each.version or "any" for each in same}))
        why = f"serves {wanted.name if wanted else ''} {versions}"
        return Verdict(entry=entry, fault=Fault.VERSION, why=why)
    fault, why = _fault(entry, model, match, automatic=automatic, multi_node=multi_node)
    return Verdict(entry=entry, match=match, how=how, fault=fault, why=why)


def _fault(
    entry: RuntimeEntry,
    model: ModelSpec,
    match: SupportedModelFormat,
    *,
    automatic: bool,
    multi_node: bool,
) -> tuple[Fault | None, str]:
    protocol = model.protocol_version
    if protocol and entry.protocols and protocol not in entry.protocols:
        return Fault.PROTOCOL, f"speaks {listed(entry.protocols)}"
    if entry.disabled:
        return Fault.DISABLED, "is disabled"
    return _automatic_fault(entry, match, multi_node=multi_node) if automatic else _OK


def _automatic_fault(
    entry: RuntimeEntry, match: SupportedModelFormat, *, multi_node: bool
) -> tuple[Fault | None, str]:
    if entry.multi_model:
        return Fault.SHAPE, "is for many models per server (multiModel)"
    if entry.multi_node != multi_node:
        kind = "one node" if multi_node else "several nodes (workerSpec)"
        return Fault.SHAPE, f"is for {kind}"
    if not match.auto_select:
        return Fault.NOT_AUTOMATIC, "is used only by name (autoSelect: false)"
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
