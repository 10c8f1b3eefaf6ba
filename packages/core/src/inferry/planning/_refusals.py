"""The words for every way in which no runtime can be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry._suggest import closest, suggestion
from inferry.errors import PlanningError
from inferry.planning._known import (
    FORMATS,
    KSERVE_RUNTIMES,
    KSERVE_SEVERAL,
    listed,
    runtime_package,
)
from inferry.planning._verdict import Fault
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.api._types import ModelSpec
    from inferry.planning._catalog import RuntimeEntry
    from inferry.planning._verdict import Verdict


FIELD = "spec.predictor.model.runtime"


def no_format() -> PlanningError:
    """Return the error for a model without format and without runtime."""
    return PlanningError(
        "the model names neither a format nor a runtime",
        reason=Reason.InvalidSpec,
        remedy="set spec.predictor.model.modelFormat.name",
    )


def none_fits(
    model: ModelSpec, verdicts: Sequence[Verdict], broken: Mapping[str, str]
) -> PlanningError:
    """Return the error for the candidates that came closest to serving *model*.

    *broken* are plugins that could not be used, by name: the one that is called as the
    format would probably have served it.
    """
    name = model.model_format.name if model.model_format else ""
    nearest = max(
        (each.fault or Fault.FORMAT for each in verdicts), default=Fault.FORMAT
    )
    near = [each for each in verdicts if each.fault == nearest]
    if nearest == Fault.FORMAT:
        return _unknown_format(name, verdicts, broken)
    message, remedy = _words(model, near, nearest)
    return PlanningError(message, reason=Reason.NoSupportingRuntime, remedy=remedy)


def _unknown_format(
    name: str, verdicts: Sequence[Verdict], broken: Mapping[str, str]
) -> PlanningError:
    served = sorted(
        {each.name for verdict in verdicts for each in verdict.entry.formats}
    )
    if name in broken:
        remedy = f"repair its plugin (see `inferry plugins doctor`): {broken[name]}"
    elif package := runtime_package(name):
        remedy = package
    elif hint := suggestion(name, served):
        remedy = hint
    elif meant := closest(name, FORMATS):
        remedy = f"did you mean {meant!r}? If so, {runtime_package(meant)}"
    else:
        remedy = f"the runtimes here serve: {listed(served)}"
    return PlanningError(
        f"no runtime here serves the model format {name!r}",
        reason=Reason.NoSupportingRuntime,
        remedy=remedy,
    )


def _words(model: ModelSpec, near: Sequence[Verdict], fault: Fault) -> tuple[str, str]:
    wanted = model.model_format
    name = wanted.name if wanted else ""
    described = "; ".join(f"{each.entry.name} {each.why}" for each in near)
    if fault == Fault.VERSION:
        versions = {
            each.version
            for verdict in near
            for each in verdict.entry.formats
            if each.name == name and each.version
        }
        version = wanted.version if wanted else ""
        return (
            f"no runtime here serves {name!r} version {version}: {described}",
            f"set modelFormat.version to one of {listed(sorted(versions))}, or none",
        )
    if fault == Fault.PROTOCOL:
        protocols = {each for verdict in near for each in verdict.entry.protocols}
        return (
            f"no runtime for {name!r} speaks {model.protocol_version}: {described}",
            f"set protocolVersion to one of {listed(sorted(protocols))}, or none",
        )
    if fault == Fault.NOT_AUTOMATIC:
        return (
            f"the runtimes that serve {name!r} are used only by name: {described}",
            f"name one, for example {FIELD}: {near[0].entry.name}",
        )
    if fault == Fault.DISABLED:
        return (
            f"every runtime that serves {name!r} is disabled: {described}",
            "set spec.disabled of one of them to false, or install another",
        )
    return (
        f"no runtime that serves {name!r} fits the shape of the service: {described}",
        "add or remove spec.predictor.workerSpec to fit, or install another runtime",
    )


def ambiguous(model: ModelSpec, tied: Sequence[RuntimeEntry]) -> PlanningError:
    """Return the error for runtimes of one scope and one priority."""
    name = model.model_format.name if model.model_format else ""
    who = ", ".join(f"{each.name} ({each.origin})" for each in tied)
    return PlanningError(
        f"the runtimes {who} serve {name!r} with the same priority",
        reason=Reason.AmbiguousRuntime,
        remedy=f"name one in the service, for example {FIELD}: {tied[0].name}",
    )


def ambiguous_alias(name: str, entries: Sequence[RuntimeEntry]) -> PlanningError:
    """Return the error for an alias that two plugins claim."""
    who = listed(each.name for each in entries)
    return PlanningError(
        f"{name!r} is another name of several runtimes: {who}",
        reason=Reason.AmbiguousRuntime,
        remedy=f"name one of them, for example {FIELD}: {entries[0].name}",
    )


def not_recognized(name: str, visible: Sequence[RuntimeEntry]) -> PlanningError:
    """Return the error for a runtime name that nothing has."""
    names = sorted(each.name for each in visible)
    aliases = [alias for each in visible for alias in each.aliases]
    if name in KSERVE_SEVERAL:
        remedy = f"each format has its own here; leave {FIELD} out to have it chosen"
    elif package := runtime_package(KSERVE_RUNTIMES.get(name, "") or name):
        remedy = package
    else:
        remedy = suggestion(name, [*names, *aliases]) or (
            f"the runtimes here are: {listed(names)}"
        )
    return PlanningError(
        f"there is no runtime called {name!r}",
        reason=Reason.RuntimeNotRecognized,
        remedy=remedy,
    )


def named_does_not_fit(model: ModelSpec, verdict: Verdict) -> PlanningError:
    """Return the error for a runtime that is named but cannot serve the model."""
    entry, fault = verdict.entry, verdict.fault
    name = model.model_format.name if model.model_format else ""
    if fault == Fault.DISABLED:
        return PlanningError(
            f"the runtime {entry.name!r} is disabled ({entry.origin})",
            reason=Reason.RuntimeDisabled,
            remedy="set its spec.disabled to false, or name another runtime",
        )
    if not entry.formats:
        message = f"the runtime {entry.name!r} names no model format"
        remedy = "add supportedModelFormats to it, or name another runtime"
    elif fault == Fault.FORMAT:
        formats = sorted({each.name for each in entry.formats})
        message = f"the runtime {entry.name!r} does not serve the format {name!r}"
        remedy = f"it serves: {listed(formats)}; leave {FIELD} out to have one chosen"
    else:
        _, remedy = _words(model, [verdict], fault or Fault.PROTOCOL)
        message = (
            f"the runtime {entry.name!r} {verdict.why}, but the model asks for "
            + (
                f"version {model.model_format.version}"
                if fault == Fault.VERSION and model.model_format
                else f"protocol {model.protocol_version}"
            )
        )
    return PlanningError(message, reason=Reason.NoSupportingRuntime, remedy=remedy)
