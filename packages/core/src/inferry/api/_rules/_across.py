"""Rules that need more than one document: each named once, priorities distinct."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.api import _types
from inferry.api._problems import Finding, Located, Problem, spell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inferry.api._problems import Path
    from inferry.api._types import SupportedModelFormat

Runtime = _types.ServingRuntime | _types.ClusterServingRuntime


def across(documents: Sequence[Located]) -> Iterator[tuple[Located, Problem]]:
    """Yield each document that clashes with one before it, and why."""
    yield from _twice(documents)
    yield from _priorities(documents)


def _twice(documents: Sequence[Located]) -> Iterator[tuple[Located, Problem]]:
    first: dict[tuple[str, str, str], Located] = {}
    for located in documents:
        document = located.document
        metadata = document.metadata
        key = (document.kind, metadata.namespace, metadata.name)
        other = first.setdefault(key, located)
        if other is not located:
            message = f"{metadata.name!r} is defined at {_place(other)} already"
            yield _clash(located, Finding(("metadata", "name"), message))


def _priorities(documents: Sequence[Located]) -> Iterator[tuple[Located, Problem]]:
    """Yield the second of two runtimes that a format could not choose between."""
    seen: dict[tuple[object, ...], list[Located]] = {}
    for located in documents:
        runtime = located.document
        if not isinstance(runtime, Runtime) or runtime.spec.disabled:
            continue
        for index, entry in enumerate(runtime.spec.supported_model_formats):
            if entry.priority is None or not entry.auto_select:
                continue
            others = seen.setdefault(_choice(runtime, entry), [])
            rivals = (
                each for each in others if _share_protocol(runtime, each.document)
            )
            rival = next(rivals, None)
            others.append(located)
            if rival is not None and rival is not located:
                path: Path = ("spec", "supportedModelFormats", index, "priority")
                message = (
                    f"{entry.priority} is also the priority that "
                    f"{rival.document.metadata.name!r} ({_place(rival)}) has for "
                    f"{entry.name!r}; nothing decides between the two"
                )
                yield _clash(located, Finding(path, message))


def _choice(runtime: Runtime, entry: SupportedModelFormat) -> tuple[object, ...]:
    scope = (runtime.kind, runtime.metadata.namespace)
    return (*scope, entry.name, entry.version, entry.priority)


def _share_protocol(runtime: Runtime, other: object) -> bool:
    """Say whether both speak a protocol; a runtime that lists none speaks them all."""
    mine = set(runtime.spec.protocol_versions)
    theirs = set(other.spec.protocol_versions) if isinstance(other, Runtime) else set()
    return not mine or not theirs or bool(mine & theirs)


def _place(located: Located) -> str:
    return f"{located.origin.file}:{located.origin.line}"


def _clash(located: Located, finding: Finding) -> tuple[Located, Problem]:
    problem = Problem(
        path=spell(finding.path),
        message=finding.message,
        file=located.origin.file,
        line=located.origin.line,
        column=1,
    )
    return located, problem
